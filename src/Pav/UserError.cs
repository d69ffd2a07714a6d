namespace Pav;

/// <summary>A user's mistake or a machine's refusal, told in one sentence: what, where, what to do. The CLI prints it and exits non-zero,
/// without a stack trace.</summary>
public sealed class UserError(string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>What was asked may be right: those who should do it do not answer, and it may be asked again.</summary>
    public bool IsOutage { get; init; }
}
