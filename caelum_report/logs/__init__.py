"""What a log says: a small program of its own, which `collect` starts for each source of the kind `log`.

A pattern of the configuration may need for ever on a line that somebody else wrote, and no thread can be stopped at
that; in a process of its own a timer can pass over the line, and the source can let go of the whole. So this stands on
the floor: it needs nothing of collect and starts in a few hundredths of a second.

    python -m caelum_report.logs    a `Request` as JSON on stdin, an `Answer` as JSON on stdout
"""
