using System.CommandLine;
using System.Text.Json;
using EucaNet.Conformance;

var files = new Argument<string[]>("file") { Description = "Recorded conversations, *.jsonl or *.jsonl.gz.", Arity = ArgumentArity.OneOrMore };
var json = new Option<bool>("--json", "-j") { Description = "One JSON object a line: file, check, identical, total." };
var show = new Option<int>("--show") { Description = "Show the first N rows that differ, per check.", HelpName = "N" };
var only = new Option<string[]>("--check") { Description = "Run only these checks: encode, decode, text, parse, replay.", HelpName = "NAME" };

var grade = new Command("grade", "Holds the product against recorded conversations and prints identical / total for each check.") { files, json, show, only };
grade.SetAction(arguments =>
{
    string[] wanted = arguments.GetValue(only) ?? [];
    int failures = 0;
    foreach (string path in arguments.GetValue(files)!)
    {
        CorpusFile file;
        try
        {
            file = CorpusFile.Read(path);
        }
        catch (Exception exception) when (exception is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine(exception.Message);
            failures++;
            continue;
        }

        foreach (Grade result in Grader.Run(file, arguments.GetValue(show), Grader.Checks.Where(check => wanted.Length == 0 || wanted.Contains(check.Name))))
        {
            if (arguments.GetValue(json))
            {
                Console.WriteLine(JsonSerializer.Serialize(new { file = result.File, check = result.Check, identical = result.Identical, total = result.Total }));
            }
            else
            {
                Console.WriteLine($"{Path.GetFileName(result.File),-52} {result.Check,-7} {result.Identical,6} / {result.Total,-6} {100.0 * result.Identical / result.Total,6:0.00} %");
            }

            foreach (Difference difference in result.Differences)
            {
                Console.Error.WriteLine($"-- row {difference.Row}: {difference.Subject}{Environment.NewLine}{difference.Detail}");
            }
        }
    }

    return failures == 0 ? 0 : 2;
});

return new RootCommand("Holds EucaNet against recorded conversations between real tools and real kernels.") { grade }.Parse(args).Invoke();
