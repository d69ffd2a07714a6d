using Microsoft.AspNetCore.Routing;
using Pav.Serve.Rooms;

namespace Pav.Serve.Rewards;

/// <summary>Step rewards, in the dialects of the frameworks that train on them.</summary>
internal static class RewardEndpoints
{
    public static void MapRewards(this IEndpointRouteBuilder app, Desk desk)
    {
    }
}
