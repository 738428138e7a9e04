#!/usr/bin/env bash
# A llama.cpp server that gives one vector for each text (`--embedding --pooling mean`), on the model and from the
# package that start-llama.sh has put into the cache.
# usage: WIRE_CACHE=DIR start-llama-embed.sh PORT     runs in the foreground; ready when GET /health answers 200
set -euo pipefail
port=${1:?port}; cache=${WIRE_CACHE:?set WIRE_CACHE to a cache directory}/llama
exec "$cache/venv/bin/python" - "$cache/tiny.gguf" "$port" <<'PY'
import os, signal, sys
import xllamacpp as xl
p = xl.CommonParams()
p.model.path = sys.argv[1]
p.model_alias = {"tiny-random"}
p.port = int(sys.argv[2])
p.hostnames = ["127.0.0.1"]
p.cpuparams.n_threads = 1
p.warmup = False
p.ui = False
p.offline = True
p.embedding = True
p.pooling_type = xl.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
server = xl.Server(p)
signal.sigwait({signal.SIGTERM, signal.SIGINT})
os._exit(0)
PY
