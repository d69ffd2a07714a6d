namespace Pav;

/// <summary>The heading below which help shows the options that a record declares.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
internal sealed class SectionAttribute(string title) : Attribute
{
    public string Title => title;
}
