namespace Pav.Models.Remote;

/// <summary>The addresses of endpoints: from the command line, or from a file that is read again when it changes.</summary>
internal sealed class EndpointList(string value)
{
    private DateTime? read;

    /// <summary>The addresses; null where they are what they were, or the file is broken for a moment.</summary>
    public IReadOnlyList<EndpointUrl>? Changed()
    {
        var first = read is null;
        var changed = value.StartsWith('@') ? File.GetLastWriteTimeUtc(value[1..]) : DateTime.MinValue;
        if (changed == read) return null;
        read = changed;
        try
        {
            var urls = EndpointUrl.ParseAll(value);
            return urls.Count > 0 ? urls : throw new UserError("--policy names no endpoint; write http://host:8000/v1, several separated "
                + "by commas, or @FILE with one on each line");
        }
        catch (UserError) when (!first)
        {
            return null;
        }
    }
}
