"""How decisions are made from noisy episodes, and what may be claimed afterwards.

| module | question |
|---|---|
| `race` | Which idea deserves the next episode, and is one good enough to keep? |
| `two_sample` | Is B really better than A? |
| `one_sample` | Which success rate can be claimed? |
| `verifier` | What if the judge takes failures for successes? |
| `spending` | What if many comparisons or claims are made? |
| `intervals` | Which rates fit k successes in n? |
| `legacy` | What does "50 in a row" certify? |

Everything is a pure function of outcomes, so it can be recomputed from a ledger at any time.
"""
