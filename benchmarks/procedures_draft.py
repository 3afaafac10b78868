"""prototype for choosing the procedure"""
import sys, time, itertools, json
import numpy as np, torch
sys.path.insert(0, "/work/wt/verdict/workflow")
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier
from sklearn.metrics import roc_auc_score
from scipy.stats import t as student
from lungfuse.statistics.within_folds import auroc_within_folds
from lungfuse.statistics.gains import gain, effective_groups
from lungfuse.statistics.splits import stratified_folds
torch.set_num_threads(1)
K, R, D = 5, 5, 8
STRENGTH = {"nothing": (0, 0), "noise": (.35, 0), "gain": (.35, .25), "weak": (.35, .12)}
def draw(rng, n, scen):
    sizes = rng.integers(1, 4, n)
    g = np.repeat(np.arange(n), sizes)[:n]
    yg = rng.integers(0, 2, n); y = yg[g]
    a, b = STRENGTH[scen]
    def source(s):
        of_group = s*(2*yg[:,None]-1)*np.linspace(1,0.2,D) + .7*rng.normal(size=(n,D))
        return of_group[g] + .7*rng.normal(size=(n,D))
    return np.hstack([source(a), source(b)]), y, g
def networks(X, y, train, cols, seed, steps=80, h=16):
    # train: (M,n) 0/1; cols (M,2D) mask
    g = torch.Generator().manual_seed(seed)
    M = len(train); x = torch.tensor(X, dtype=torch.float32); mask=torch.tensor(cols,dtype=torch.float32)
    xs = x[None]*mask[:,None,:]
    w1=(torch.randn(M,2*D,h,generator=g)/np.sqrt(2*D)).requires_grad_(); b1=torch.zeros(M,1,h,requires_grad=True)
    w2=(torch.randn(M,h,1,generator=g)/np.sqrt(h)).requires_grad_(); b2=torch.zeros(M,1,1,requires_grad=True)
    W=torch.tensor(train,dtype=torch.float32); W=W/W.sum(1,keepdim=True)
    t=torch.tensor(y,dtype=torch.float32)[None].expand(M,-1)
    opt=torch.optim.AdamW([w1,b1,w2,b2],lr=.02,weight_decay=.01)
    f=lambda z:(torch.relu(z@w1+b1)@w2+b2).squeeze(-1)
    for _ in range(steps):
        opt.zero_grad(); l=(torch.nn.functional.binary_cross_entropy_with_logits(f(xs),t,reduction='none')*W).sum(); l.backward(); opt.step()
    def predict(Z):
        with torch.no_grad(): return f(torch.tensor(Z,dtype=torch.float32)[None]*mask[:,None,:]).numpy()
    return predict
COLS = {"A": slice(0,D), "B": slice(D,2*D), "F": slice(0,2*D)}
def study(seed, n, scen, kind):
    rng=np.random.default_rng([seed,n,hash_(scen)])
    X,y,g=draw(rng,n,scen); Z,yz,_=draw(rng,3000,scen)
    folds=[stratified_folds(y,g,K,seed*100+r) for r in range(R)]
    jobs=[(r,k,m) for r in range(R) for k in range(K) for m in COLS]
    out={m:np.zeros((R,n)) for m in COLS}; truth={m:[] for m in COLS}
    if kind=="network":
        train=np.array([(folds[r]!=k) for r,k,m in jobs]); cols=np.zeros((len(jobs),2*D))
        for i,(_,_,m) in enumerate(jobs): cols[i,COLS[m]]=1
        p=networks(X,y,train,cols,seed); own=p(X); big=p(Z[:2000])
        for i,(r,k,m) in enumerate(jobs):
            te=folds[r]==k; out[m][r,te]=own[i,te]; truth[m].append(fast_auc(yz[:2000],big[i]))
    else:
        for r,k,m in jobs:
            te=folds[r]==k; c=COLS[m]
            model=LogisticRegression(C=1.0,max_iter=200) if kind=="logistic" else DecisionTreeClassifier(min_samples_leaf=max(8,n//25),max_features=.7,random_state=seed*1000+r*10+k)
            model.fit(X[~te][:,c],y[~te])
            f=model.decision_function if kind=="logistic" else lambda q:model.predict_proba(q)[:,1]
            out[m][r,te]=f(X[te][:,c]); truth[m].append(fast_auc(yz,f(Z[:,c])))
    wf={m:[auroc_within_folds(y,out[m][r],folds[r],K) for r in range(R)] for m in COLS}
    res={}
    G=effective_groups(np.unique(g,return_inverse=True)[1]); gi=np.unique(g,return_inverse=True)[1]
    for reps in (1,3,5):
        for other in "AB":
            a,b=wf["F"][:reps],wf[other][:reps]
            ga=gain(a,b,gi); cnt=len(ga.of_group)
            case=cnt/(cnt-1)*np.square(ga.of_group).sum()
            vals=np.array([x.value-z.value for x,z in zip(a,b)])
            between=vals.var(ddof=1)/reps if reps>1 else 0
            d=np.array([x.of_fold-z.of_fold for x,z in zip(a,b)]).ravel()
            J=K*reps; nb=d.var(ddof=1)*(1/J+1/(K-1))
            res[f"{reps}{other}"]=dict(value=ga.value,case=case,crossed=case+between,hybrid=case+ga.training,nb=nb,G=G,
               truth=float(np.mean(np.array(truth["F"][:reps*K])-np.array(truth[other][:reps*K]))))
    return res
def hash_(s): return sum(map(ord,s))
def fast_auc(y,s):
    o=np.argsort(s,kind="stable"); ss=s[o]
    lo=np.searchsorted(ss,s,"left"); hi=np.searchsorted(ss,s,"right")
    ranks=(lo+hi+1)/2; P=y.sum(); N=len(y)-P
    return (ranks[y==1].sum()-P*(P+1)/2)/(P*N)
if __name__=="__main__":
    kind=sys.argv[1]; count=int(sys.argv[2]); ns=list(map(int,sys.argv[3].split(","))); 
    for n in ns:
        for scen in STRENGTH:
            t0=time.time(); found=[study(s,n,scen,kind) for s in range(count)]
            with open(f"/tmp/sim/{kind}_{n}_{scen}.json","w") as f: json.dump(found,f)
            line=[]
            for reps in (1,3,5):
                v=np.array([f[f"{reps}A"]["value"] for f in found]); T=np.mean([f[f"{reps}A"]["truth"] for f in found]); G=np.array([f[f"{reps}A"]["G"] for f in found])
                for meth in ("case","crossed","hybrid","nb"):
                    se=np.sqrt([f[f"{reps}A"][meth] for f in found]); df=G-1 if meth!="nb" else K*reps-1
                    c=student.ppf(.975,df); cov=np.mean(np.abs(v-T)<=c*se); 
                    low=[np.minimum(*( [f[f"{reps}{o}"]["value"]-student.ppf(.975,(f[f"{reps}{o}"]["G"]-1) if meth!="nb" else K*reps-1)*np.sqrt(f[f"{reps}{o}"][meth]) for o in "AB"])) for f in found]
                    line.append(f"{reps}{meth[:4]} cov {cov:.3f} better {np.mean(np.array(low)>0):.3f}")
            print(kind,n,scen,f"truth {T:+.4f} sd {v.std():.4f} {time.time()-t0:.0f}s |"," | ".join(line),flush=True)
