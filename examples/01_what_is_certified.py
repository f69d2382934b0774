"""What do k successes in n episodes prove? Run: python examples/01_what_is_certified.py"""

from enpire.statistics.intervals import wilson
from enpire.statistics.legacy import certifies
from enpire.statistics.one_sample import episodes_needed, lower_bound

print("successes/episodes   Wilson 95 %          lower bound valid at any time (alpha 0.05)")
for successes, episodes in [(18, 20), (50, 50), (88, 88), (95, 100), (449, 449)]:
    low, high = wilson(successes, episodes)
    bound = lower_bound(successes, episodes - successes, 0.05)
    print(f"{successes:>9}/{episodes:<9}   [{low:.3f}, {high:.3f}]       {bound:.3f}")

print("\nepisodes without failure for a claim, looking whenever you like:")
for rate in (0.9, 0.95, 0.98, 0.99):
    print(f"  success >= {rate}: {episodes_needed(rate, 0.05)}")

print(f'\n"50 in a row", announced before the first episode, certifies {certifies(50, 0.05):.3f}.')
print("The best of many windows certifies nothing.")
