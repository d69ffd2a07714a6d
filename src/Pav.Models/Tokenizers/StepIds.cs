namespace Pav.Models.Tokenizers;

/// <summary>Ids are the truth for a step's own policy, text for all others.</summary>
internal static class StepIds
{
    /// <summary>
    /// A step in the ids of a tokenizer: those that its policy wrote, where they say the step's text in this tokenizer too, else the text
    /// encoded. So nobody
    /// needs to know whose the ids are.
    /// </summary>
    /// <param name="text">The step's.</param>
    /// <param name="written">Ids of any tokenizer, or none.</param>
    public static int[] From(Tokenizer tokenizer, string text, IReadOnlyList<int> written) =>
        written.Count > 0 && Text(tokenizer, written) == text ? [.. written] : tokenizer.Encode(text, addSpecial: false, continues: true);

    /// <summary>The text of a step's ids, which goes on after the prompt's.</summary>
    public static string Text(Tokenizer tokenizer, IReadOnlyList<int> ids) => tokenizer.Decode(ids, continues: true);
}
