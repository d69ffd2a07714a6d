namespace Pav;

/// <summary>A user's mistake or a machine's refusal, told in one sentence: what, where, what to do. The CLI prints it and exits non-zero,
/// without a stack trace.</summary>
public sealed class UserError(string message, Exception? cause = null) : Exception(message, cause);
