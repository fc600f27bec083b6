using Spectre.Console;
using Spectre.Console.Rendering;

namespace EucaNet.Cli;

/// <summary>Tables as this program prints them: no frame, two blanks between columns, as ip and nft users know it.</summary>
internal static class Tables
{
    /// <summary>An empty table with these column heads.</summary>
    public static Table New(params string[] columns)
    {
        var table = new Table { Border = TableBorder.None };
        foreach (string column in columns)
        {
            table.AddColumn(new TableColumn($"[bold]{Markup.Escape(column)}[/]") { NoWrap = true, Padding = new Padding(0, 0, 2, 0) });
        }

        return table;
    }

    /// <summary>Cells with the text as it is.</summary>
    public static IRenderable[] Cells(params string[] texts) => [.. texts.Select(text => new Text(text))];
}
