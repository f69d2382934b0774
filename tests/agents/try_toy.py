import sys, tempfile, time, collections, os
os.environ.setdefault("OPENBLAS_NUM_THREADS","1")
from pathlib import Path
sys.path.insert(0, "tests/agents")
from toy_campaign import *
from toy_libraries import LIBRARIES
from enpire.agents._researcher.choose import propose
import warnings; warnings.simplefilter("ignore")
from enpire.agents._researcher import tune, landscape, structure, evidence, retry, knowledge
for kv in os.environ.get("SET","").split(";"):
    if kv:
        k,v=kv.split("="); m,a=k.split("."); assert hasattr(globals()[m],a),k; setattr(globals()[m],a,eval(v))
name, agents, n, seeds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), range(int(sys.argv[4]))
lib = LIBRARIES[name]; opt = best_utility(lib)
res=[]; t=time.process_time(); kinds=collections.Counter(); kept=collections.Counter()
for s in seeds:
    with tempfile.TemporaryDirectory() as d:
        c = ToyCampaign(Path(d)/"c", lib, agents=agents, seed=s)
        curve = c.run(propose, n)
        kinds.update(i.proposal.kind for i in c.ideas); kept.update(i.proposal.kind for i in c.ideas if i.verdict=="kept")
        res.append(episodes_to(curve, 0.9*opt))
        if len(sys.argv)>5:
            print("seed", s, "start", round(curve[0][1],3), "opt", round(opt,3), "reached", res[-1], "final", round(curve[-1][1],3), c.champion.recipe)
            if sys.argv[5]=="2":
                for i in c.ideas: print(i.id, i.agent, i.proposal.kind, i.verdict, i.proposal.parent, round(i.probability,2), "true", round(c._true(i,i.best),3), sum(x.n for x in i.samples.values()), i.proposal.hypothesis[:100])
                print(c.refused)
print(name, agents, sorted(res), "cpu", round(time.process_time()-t,1), dict(kinds), dict(kept))
