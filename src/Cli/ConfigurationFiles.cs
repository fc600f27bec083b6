using EucaNet.Cli.Control;
using EucaNet.Engine.Configuration;

namespace EucaNet.Cli;

/// <summary>Reads eucalyptus.conf files with the environment's $EUCALYPTUS.</summary>
internal static class ConfigurationFiles
{
    public static ConfigurationResult Parse(string text, string path, EngineRole role)
    {
        var variables = new Dictionary<string, string>();
        if (Environment.GetEnvironmentVariable("EUCALYPTUS") is { } directory)
        {
            variables["EUCALYPTUS"] = directory;
        }

        return NetworkConfiguration.Parse(text, path, role, variables);
    }

    /// <summary>Reads a configuration that must be usable.</summary>
    /// <exception cref="RefusedException">It cannot be read, or every mistake in it.</exception>
    public static NetworkConfiguration Read(string path, EngineRole role)
    {
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new RefusedException($"{path}: {exception.Message}");
        }

        ConfigurationResult result = Parse(text, path, role);
        return result.Configuration
            ?? throw new RefusedException(string.Join(Environment.NewLine, result.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)));
    }
}
