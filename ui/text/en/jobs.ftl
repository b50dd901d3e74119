## Jobs

jobs-progress = { $done } of { $total }
jobs-left = about { $time } left
jobs-pause = Pause
jobs-resume = Resume
jobs-cancel = Cancel
jobs-more = Show all jobs
jobs-less = Show one job

job-analysis = Computing { $name }
job-features = Reading features of { $name }
job-figure = Writing the figure
job-match = Matching { $a } and { $b }
job-pca = Fitting the basis
job-picture = Opening { $name }
job-relink = Searching for { $count } missing pictures
job-open = Opening { $name }
job-paste = Keeping the pasted picture
job-save = Saving the project
job-scan = Searching { $name } for pictures
job-similarity = Comparing patches
job-thin = Spreading out the matches
job-thumbnail = Thumbnail of { $name }
job-values = Writing the values
