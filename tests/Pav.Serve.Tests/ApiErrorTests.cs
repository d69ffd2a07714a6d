using Pav.Serve.Wire;

namespace Pav.Serve.Tests;

public class ApiErrorTests
{
    [Theory]
    [InlineData("/srv/models/base/tokenizer.json: the word 'x' is not there", "tokenizer.json: the word 'x' is not there")]
    [InlineData(@"C:\models\base\tokenizer.json: no", "tokenizer.json: no")]
    [InlineData("see http://host/v1/models, or 3/4 of it", "see http://host/v1/models, or 3/4 of it")]
    public void A_users_mistake_is_told_without_the_servers_folders(string said, string told) =>
        Assert.Equal(told, ApiError.From(new UserError(said))!.Message);
}
