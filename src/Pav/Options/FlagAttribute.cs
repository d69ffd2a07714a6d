namespace Pav;

/// <summary>Says of an options record's property what its flag is for, and what it accepts.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal class FlagAttribute(string description) : Attribute
{
    public string Description => description;

    /// <summary>Smallest and largest value of a number, or of each number of a list.</summary>
    public double Min { get; init; } = double.NegativeInfinity;

    public double Max { get; init; } = double.PositiveInfinity;

    /// <summary>The smallest value itself is refused.</summary>
    public bool AboveMin { get; init; }

    /// <summary>Allowed words, separated by '|'.</summary>
    public string Choices { get; init; } = "";

    /// <summary>May stand before a choice: with <c>fig</c>, fig4 is 4.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>May this word be given?</summary>
    public virtual bool Allows(string word) => Choices == "" || word == "" || Choices.Split('|').Contains(word);

    /// <summary>The text by its usual name, where it may be written in several ways.</summary>
    public virtual string Read(string text) => text;

    /// <summary>What a text must be, where no list of words says it.</summary>
    public virtual string Kind => "text";

    /// <summary>A command without it is refused.</summary>
    public bool Required { get; init; }

    /// <summary>A file or folder that is read: its SHA-256 goes into run.json.</summary>
    public bool Input { get; init; }

    /// <summary>Changes where or how fast, never what comes out: a resumed run may set it anew.</summary>
    public bool Local { get; init; }

    /// <summary>Decides only what is done at the end of a run: a resumed run may set it anew.</summary>
    public bool AtEnd { get; init; }

    /// <summary>A list that stands on the command line without a flag's name.</summary>
    public bool Positional { get; init; }
}

/// <summary>The property is a record of options itself: its flags are flags of the record that holds it, under their own names.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class OptionGroupAttribute : Attribute;
