using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace Pav.Serve.Wire;

/// <summary>Fields that a request brought and nobody knows, each told once by a server.</summary>
internal static class UnknownFields
{
    private const int MostTold = 100, LongestName = 100;

    private static readonly ConditionalWeakTable<ILogger, ConcurrentDictionary<string, bool>> ToldBy = [];

    public static void Tell(Body body, ILogger log)
    {
        var told = ToldBy.GetOrCreateValue(log);
        foreach (var name in body.Unknown.Where(n => n.Length <= LongestName))
            if (told.Count < MostTold && told.TryAdd(name, true)) log.LogWarning("The field {Field} is not known and was ignored", name);
    }
}
