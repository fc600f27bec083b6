using System.CommandLine;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Cli;

/// <summary>eucanet sim modelled</summary>
internal static class ModelledCommand
{
    public static Command Build()
    {
        var command = new Command("modelled", "Prints what the simulated kernel has a model of, as the tables of docs/simulator.md.");
        command.SetAction(_ => Console.Out.Write(ModelledFeatures.ToMarkdown()));
        return command;
    }
}
