## First start and lesson

start-title = See what a vision model sees
start-subtitle = Point at a part of a picture. Every part that the model finds alike lights up.
start-lesson = Start the lesson
start-point = Point
start-point-help = Move over a picture. Like parts light up at once.
start-pin = Click to keep
start-pin-help = A click pins “like this”. Shift-click pins “not like this”.
start-another = Open another
start-another-help = Drop a second picture beside it. The same search runs there.
start-samples = Samples
start-samples-help = here already, nothing to download
start-paste = or paste a picture with
start-recent = Recent
