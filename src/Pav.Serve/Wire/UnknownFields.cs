using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Pav.Serve.Wire;

/// <summary>Fields that a request brought and nobody knows, each told once.</summary>
internal static class UnknownFields
{
    private const int MostTold = 100, LongestName = 100;

    private static readonly ConcurrentDictionary<string, bool> Told = new();

    public static void Tell(Body body, ILogger log)
    {
        foreach (var name in body.Unknown.Where(n => n.Length <= LongestName))
            if (Told.Count < MostTold && Told.TryAdd(name, true)) log.LogWarning("The field {Field} is not known and was ignored", name);
    }
}
