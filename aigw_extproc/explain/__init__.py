"""What the gateway would do with one client request, without calling anybody.

`explain.explain` drives real exchanges, those that serve requests, and reports what they do: `explanation` has the
report, `rules` says why a rule applies or not, `changes` what differs between the two bodies, `outgoing` what leaves
the gateway. No secret is in a report.
"""
