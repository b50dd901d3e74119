## Jobs

jobs-reading = Reading features
jobs-reading-of = Reading features, { $done } of { $total }
jobs-progress = { $done } of { $total }
jobs-left = about { $time } left
jobs-pause = Pause
jobs-resume = Resume
jobs-cancel = Cancel
jobs-more = Show all jobs
jobs-less = Show one job
jobs-done = Done
jobs-failed = Failed
jobs-cancelled = Cancelled
