using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Pav.Cli.Tests.Structure;

/// <summary>One folder of a project names a type that another declares, as in "Grader.cs names Answer".</summary>
internal sealed record FolderUse(string From, string To, string Example);

/// <summary>Which folder of a project uses which, by the types that its sources name.</summary>
internal static class FolderGraph
{
    private const string ImplicitUsings = """
        global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq;
        global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks; global using Pav.Report;
        """;

    /// <summary>The sources of a project's folder by their paths from there.</summary>
    public static IReadOnlyDictionary<string, string> Sources(string folder) =>
        Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
        .Select(file => (Name: Path.GetRelativePath(folder, file), File: file))
        .Where(f => f.Name.Split('/')[0] is not ("bin" or "obj"))
        .ToDictionary(f => f.Name, f => File.ReadAllText(f.File));

    /// <summary>One use for each two folders; the project's own folder is ".".</summary>
    public static IReadOnlyList<FolderUse> Uses(string project, IReadOnlyDictionary<string, string> sources)
    {
        var options = new CSharpParseOptions(LanguageVersion.Latest);
        var trees = sources.Select(s => CSharpSyntaxTree.ParseText(s.Value, options, s.Key)).ToList();
        var compilation = CSharpCompilation.Create(project, trees.Append(CSharpSyntaxTree.ParseText(ImplicitUsings, options)),
            References(project));
        var declared = trees.SelectMany(tree => tree.GetRoot().DescendantNodes()).Select(Declared).OfType<string>().ToHashSet();
        return [.. trees.SelectMany(tree => Uses(compilation.GetSemanticModel(tree), tree, declared)).DistinctBy(u => (u.From, u.To))];
    }

    /// <summary>All pairs of folders that use each other; where there are none, the shortest circle of more folders, if there is
    /// one.</summary>
    public static IReadOnlyList<IReadOnlyList<FolderUse>> Circles(IReadOnlyList<FolderUse> uses)
    {
        var ways = uses.Select(use => WayBack(use, uses)).Where(way => way.Count > 0).ToList();
        var pairs = ways.Where(way => way.Count == 2 && string.CompareOrdinal(way[0].From, way[0].To) < 0).ToList();
        return pairs.Count > 0 ? pairs : [.. ways.OrderBy(way => way.Count).Take(1)];
    }

    /// <summary>The name by which others use a declaration: a type's, without Attribute, or an extension method's.</summary>
    private static string? Declared(SyntaxNode node) => node switch
    {
        BaseTypeDeclarationSyntax type => type.Identifier.Text.EndsWith("Attribute", StringComparison.Ordinal)
            ? type.Identifier.Text[..^"Attribute".Length] : type.Identifier.Text,
        DelegateDeclarationSyntax type => type.Identifier.Text,
        MethodDeclarationSyntax { ParameterList.Parameters: [{ Modifiers: var words }, ..] } method
            when words.Any(SyntaxKind.ThisKeyword) =>
            method.Identifier.Text,
        _ => null,
    };

    /// <param name="declared">Only these names are looked up, which is slow.</param>
    private static IEnumerable<FolderUse> Uses(SemanticModel model, SyntaxTree tree, HashSet<string> declared)
    {
        var from = Folder(tree.FilePath);
        foreach (var name in tree.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>().Where(n => declared.Contains(n.Identifier.Text)))
        {
            if (TypeOf(model.GetSymbolInfo(name).Symbol) is not { } type) continue;
            foreach (var place in type.DeclaringSyntaxReferences.Select(r => Folder(r.SyntaxTree.FilePath)).Where(to => to != from))
                yield return new(from, place, $"{Path.GetFileName(tree.FilePath)} names {type.Name}");
        }
    }

    private static INamedTypeSymbol? TypeOf(ISymbol? symbol) => symbol switch
    {
        INamedTypeSymbol type => type.OriginalDefinition,
        IMethodSymbol { MethodKind: Microsoft.CodeAnalysis.MethodKind.Constructor } or IMethodSymbol { IsExtensionMethod: true } =>
            symbol.ContainingType.OriginalDefinition,
        _ => null,
    };

    /// <summary>The use, and the fewest further ones that lead back to where it begins.</summary>
    private static List<FolderUse> WayBack(FolderUse first, IReadOnlyList<FolderUse> uses)
    {
        var (ways, seen) = (new Queue<List<FolderUse>>([[first]]), new HashSet<string> { first.To });
        while (ways.TryDequeue(out var way))
        {
            if (way[^1].To == first.From) return way;
            foreach (var next in uses.Where(u => u.From == way[^1].To && seen.Add(u.To))) ways.Enqueue([.. way, next]);
        }
        return [];
    }

    private static string Folder(string file) => Path.GetDirectoryName(file) is { Length: > 0 } folder ? folder : ".";

    private static IEnumerable<MetadataReference> References(string project) =>
        ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(file => Path.GetFileNameWithoutExtension(file) != project)
            .Select(file => MetadataReference.CreateFromFile(file));
}
