"""What holds for every test."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Before anything imports grpc. With its fork support, threads of grpc's start in a child between fork and exec (our
# children have a `preexec_fn`), find their files closed, and abort it now and then.
# https://github.com/grpc/grpc/blob/master/doc/fork_support.md
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

# How long an example takes depends on what else the machine does.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("patient", _PATIENT)
settings.register_profile("quick", _PATIENT, max_examples=10)  # for `make unit`
settings.load_profile("patient")
