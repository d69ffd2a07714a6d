using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Pav.Serve.Wire;

/// <summary>Lets in who brings the key; the comparison takes as long for any other.</summary>
internal sealed class KeyGuard(string key)
{
    private const string Scheme = "Bearer ", Named = "Basic ";

    private readonly byte[] expected = Digest(key);

    public static void Use(IApplicationBuilder app, string key, params string[] open)
    {
        if (key == "") return;
        var guard = new KeyGuard(key);
        app.Use((context, next) =>
        {
            if (!open.Contains(context.Request.Path.Value)) guard.Check(context.Request.Headers.Authorization.ToString());
            return next(context);
        });
    }

    /// <summary>An error 401 for anything but the key.</summary>
    /// <remarks>
    /// Frameworks that train send no bearer, and their HTTP clients make a Basic header of an address like http://pav:KEY@host:8080.
    /// </remarks>
    public void Check(string header)
    {
        if (header.StartsWith(Named, StringComparison.OrdinalIgnoreCase)) header = Scheme + Password(header[Named.Length..]);
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            throw ApiError.NoKey("this server wants its key as 'Authorization: Bearer KEY'");
        if (!CryptographicOperations.FixedTimeEquals(expected, Digest(header[Scheme.Length..].Trim())))
            throw ApiError.NoKey("the key is not this server's");
    }

    /// <summary>What follows the user's name and a colon; all where there is no colon.</summary>
    private static string Password(string credentials)
    {
        Span<byte> bytes = new byte[credentials.Length];
        var text = Convert.TryFromBase64String(credentials.Trim(), bytes, out var count) ? Encoding.UTF8.GetString(bytes[..count]) : "";
        return text[(text.IndexOf(':', StringComparison.Ordinal) + 1)..];
    }

    private static byte[] Digest(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
