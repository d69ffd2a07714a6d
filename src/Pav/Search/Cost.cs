namespace Pav;

internal static class Cost
{
    /// <summary>Tokens generated to get from a prefix, or from the problem itself, to a descendant.</summary>
    public static int Tokens(Prefix to, Prefix? from = null)
    {
        var tokens = 0;
        for (var at = to; at.Depth > (from?.Depth ?? 0); at = at.Parent!) tokens += at.TokenCount;
        return tokens;
    }
}
