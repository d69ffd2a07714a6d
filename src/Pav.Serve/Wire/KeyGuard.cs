using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Pav.Serve.Wire;

/// <summary>Lets in who brings the key; the comparison takes as long for any other.</summary>
internal sealed class KeyGuard(string key)
{
    private const string Scheme = "Bearer ";

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
    public void Check(string header)
    {
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            throw ApiError.NoKey("this server wants its key as 'Authorization: Bearer KEY'");
        if (!CryptographicOperations.FixedTimeEquals(expected, Digest(header[Scheme.Length..].Trim()))) throw ApiError.NoKey("the key is not this server's");
    }

    private static byte[] Digest(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
