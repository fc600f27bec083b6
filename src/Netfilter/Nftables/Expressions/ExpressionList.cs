using System.Collections;
using System.Runtime.CompilerServices;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>An immutable list of expressions that compares by content; made by a collection expression.</summary>
[CollectionBuilder(typeof(ExpressionList), nameof(Create))]
public sealed class ExpressionList : IReadOnlyList<Expression>, IEquatable<ExpressionList>
{
    private readonly Expression[] _expressions;

    private ExpressionList(Expression[] expressions) => _expressions = expressions;

    /// <summary>No expression.</summary>
    public static ExpressionList Empty { get; } = new([]);

    /// <inheritdoc/>
    public int Count => _expressions.Length;

    /// <inheritdoc/>
    public Expression this[int index] => _expressions[index];

    /// <summary>The expressions as a span.</summary>
    public ReadOnlySpan<Expression> Span => _expressions;

    /// <summary>A list of these.</summary>
    public static ExpressionList Create(ReadOnlySpan<Expression> expressions) => expressions.IsEmpty ? Empty : new(expressions.ToArray());

    /// <summary>A list of these.</summary>
    public static ExpressionList Create(IEnumerable<Expression> expressions) => new(expressions.ToArray());

    /// <summary>Takes <paramref name="expressions"/> without copying; the caller gives the array away.</summary>
    internal static ExpressionList Own(Expression[] expressions) => new(expressions);

    /// <inheritdoc/>
    public bool Equals(ExpressionList? other) => other is not null && _expressions.AsSpan().SequenceEqual(other._expressions);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ExpressionList);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach (Expression expression in _expressions)
        {
            hash.Add(expression);
        }

        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public IEnumerator<Expression> GetEnumerator() => ((IEnumerable<Expression>)_expressions).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _expressions.GetEnumerator();
}
