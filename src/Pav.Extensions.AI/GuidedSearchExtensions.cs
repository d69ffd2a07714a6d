using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;

namespace Pav.Extensions.AI;

/// <summary>Guided search in chat client pipelines and in services.</summary>
public static class GuidedSearchExtensions
{
    /// <summary>Answers by a search over the clients that follow in the pipeline.</summary>
    /// <param name="builder">The pipeline.</param>
    /// <param name="configure">Changes what <see cref="AddPav"/> has set for all; where that was not called, the defaults.</param>
    public static ChatClientBuilder UseGuidedSearch(this ChatClientBuilder builder, Action<GuidedSearchOptions>? configure = null) =>
        builder.Use((inner, services) =>
        {
            var options = (services.GetService<GuidedSearchOptions>() ?? new()) with { };
            configure?.Invoke(options);
            return new GuidedSearchChatClient(inner, options);
        });

    /// <summary>The verifier, method and size of every <see cref="UseGuidedSearch"/> of these services.</summary>
    public static IServiceCollection AddPav(this IServiceCollection services, Action<GuidedSearchOptions> configure) =>
        AddPav(services, (options, _) => configure(options));

    /// <summary>The same, with what other services offer: an <see cref="HttpClient"/> for a <see cref="ServedVerifier"/>, say.</summary>
    public static IServiceCollection AddPav(this IServiceCollection services, Action<GuidedSearchOptions, IServiceProvider> configure) =>
        services.AddSingleton(provider =>
        {
            var options = new GuidedSearchOptions();
            configure(options, provider);
            return options;
        });
}
