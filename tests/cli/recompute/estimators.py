"""estimators.py - Pass@k, Best-of-k and votes of one problem's candidates, from their definitions: means over all sets of k."""
import itertools
import math


def pass_at(right, k):
    return 1 - math.comb(len(right) - sum(right), k) / math.comb(len(right), k)


def best_of(right, scores, k):
    """Of a set of k the one with the highest score; equal scores share."""
    n, total, above = len(right), 0.0, 0
    for score in sorted(set(scores), reverse=True):
        block = [r for r, s in zip(right, scores) if s == score]
        ways = math.comb(n - above, k) - math.comb(n - above - len(block), k)  # none above, one of the block
        total += ways * sum(block) / len(block)
        above += len(block)
    return total / math.comb(n, k)


def rightness(right, classes):
    """Of each answer the share of its samples that are right."""
    return {c: sum(r for r, d in zip(right, classes) if d == c) / classes.count(c) for c in set(classes) if c is not None}


def winners(votes):
    """Answers with the most votes; sums of weights that differ by rounding alone are tied."""
    most = max(votes.values(), default=0)
    return [c for c, n in votes.items() if n >= most * (1 - 1e-12)]


def majority(right, classes, k):
    """By how many sets of k give each answer m votes, others at most m, t of them m: a polynomial in (size, ties)."""
    worth, total = rightness(right, classes), 0.0
    count = {c: classes.count(c) for c in worth}
    blank = classes.count(None)
    for winner in worth:
        for m in range(1, min(count[winner], k) + 1):
            ways = {(m, 1): math.comb(count[winner], m)}
            for c in worth:
                if c == winner:
                    continue
                after = {}
                for (size, tied), n in ways.items():
                    for x in range(min(m, count[c], k - size) + 1):
                        key = (size + x, tied + (x == m))
                        after[key] = after.get(key, 0) + n * math.comb(count[c], x)
                ways = after
            total += sum(n * math.comb(blank, k - size) * worth[winner] / tied for (size, tied), n in ways.items())
    return total / math.comb(len(right), k)


def vote(right, classes, chosen, weight):
    """The vote of the chosen ones: the mean rightness of the answers with most weight; nobody votes: 0."""
    votes = {}
    for i in chosen:
        if classes[i] is not None:
            votes[classes[i]] = votes.get(classes[i], 0) + weight(i)
    worth = rightness(right, classes)
    best = winners(votes)
    return sum(worth[c] for c in best) / len(best) if best else 0.0


def weighted(right, classes, scores, k):
    """By exp(score), over every set of k: for small numbers of them."""
    top = max(scores)
    sets = list(itertools.combinations(range(len(right)), k))
    return sum(vote(right, classes, s, lambda i: math.exp(max(scores[i] - top, -700))) for s in sets) / len(sets)


def top_vote(right, classes, scores, top, k):
    """Of a set of k the `top` best-scored ones vote. Where equal scores stand at the border, all ways to take them share."""
    sets, total = list(itertools.combinations(range(len(right)), k)), 0.0
    for s in sets:
        ranked = sorted(s, key=lambda i: -scores[i])
        border = scores[ranked[min(top, k) - 1]]
        sure = [i for i in ranked if scores[i] > border]
        at = [i for i in ranked if scores[i] == border]
        ways = list(itertools.combinations(at, min(top, k) - len(sure)))
        total += sum(vote(right, classes, sure + list(w), lambda i: 1) for w in ways) / len(ways)
    return total / len(sets)
