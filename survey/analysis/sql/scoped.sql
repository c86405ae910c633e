-- The hosts and findings that exposure is counted over: all of them; exposure.py puts a
-- jurisdiction's, or two runs', in their place for one question.
-- Grain: that of hosts and findings.  Reads: hosts, findings.  Used by: exposure.py.
CREATE OR REPLACE TEMP VIEW scoped_hosts AS FROM hosts;
CREATE OR REPLACE TEMP VIEW scoped_findings AS FROM findings;
