import sys, tempfile, time, os
os.environ.setdefault("OPENBLAS_NUM_THREADS","1")
from pathlib import Path
sys.path.insert(0, "tests/agents")
import numpy as np
from toy_campaign import *
from toy_libraries import LIBRARIES
from enpire.agents._researcher.choose import propose
import warnings; warnings.simplefilter("ignore")
from enpire.agents._researcher import tune, landscape, structure, evidence, retry, knowledge
for kv in os.environ.get("SET","").split(";"):
    if kv:
        k,v=kv.split("="); m,a=k.split("."); assert hasattr(globals()[m],a),k; setattr(globals()[m],a,eval(v))
name, n, seeds = sys.argv[1], int(sys.argv[2]), range(int(sys.argv[3]))
lib = LIBRARIES[name]; opt = best_utility(lib)
marks = [0,150,300,500,750,1000,1500]
rows=[]; gens={}
for s in seeds:
    with tempfile.TemporaryDirectory() as d:
        c = ToyCampaign(Path(d)/"c", lib, agents=1, seed=s)
        curve = c.run(propose, n)
        rows.append([[u for e,u in curve if e<=m][-1] for m in marks])
        for i in c.ideas[1:]:
            gens.setdefault(int(i.id),[]).append((np.mean([c._true(i,a) for a in i.arms]), max(c._true(i,a) for a in i.arms), sum(x.n for x in i.samples.values())))
print("opt",round(opt,3)); print(marks); print(np.round(np.mean(rows,0),3), np.round(np.std(rows,0)/len(rows)**.5,3))
print("gen mean/best/episodes", {k: tuple(np.round(np.mean(v,0),2)) for k,v in gens.items() if k in (1,2,3,4,6,8,10,12)})
