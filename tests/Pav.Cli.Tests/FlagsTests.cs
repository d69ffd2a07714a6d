namespace Pav.Cli.Tests;

/// <summary>Flags, recipes' keys and run.json's keys are one list: who renames one breaks recipes and stopped runs.</summary>
public class FlagsTests
{
    /// <summary>A new option is added to fixtures/flags.txt too; the order of its lines does not matter.</summary>
    [Fact]
    public void EveryCommandHasTheFlagsThatItHad() =>
        Assert.Equal(
            File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "fixtures", "flags.txt")).Order(StringComparer.Ordinal),
            AllCommands.Specs.SelectMany(spec => spec.Schema.Fields.Select(field => $"{spec.Name} {field.FlagName}"))
                .Order(StringComparer.Ordinal));
}
