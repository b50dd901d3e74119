#!/usr/bin/env bash
# Drives the example `hello` as a user would, on a display without a screen.
#
#   crates/egui-tauri/tests/hello.sh            builds and tests
#   crates/egui-tauri/tests/hello.sh --keep DIR also keeps the log and the screenshots
#
# Needs Linux with Xvfb, openbox, xdotool, xclip, imagemagick, dbus and Mesa's software Vulkan.
set -uo pipefail
crate=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
root=$(cd "$crate/../.." && pwd)
. "$root/scripts/display"
work=$(mktemp -d)
keep=
[[ ${1:-} != --keep ]] || { keep=${2:?--keep needs a folder} && mkdir -p "$keep"; }
export VK_DRIVER_FILES=${VK_DRIVER_FILES:-/usr/share/vulkan/icd.d/lvp_icd.x86_64.json}
target=${CARGO_TARGET_DIR:-$root/target}
failures=0
app=
source=

finish() {
    [[ -z $source ]] || kill "$source" 2>/dev/null
    [[ -z $app ]] || kill "$app" 2>/dev/null
    display_stop
    [[ -z $keep ]] || cp "$work"/* "$keep"
    rm -rf "$work"
}
trap finish EXIT

good() { echo "good: $*"; }
bad() { echo "FAILED: $*" >&2 && failures=$((failures + 1)); }
# `what` is claimed, and what the app prints from here on is looked at.
claim() { what=$* mark=$(wc -l <"$work/log"); }
since() { tail -n "+$((mark + 1))" "$work/log"; }
seen() { since | grep -qE -- "$1"; }
# Waits up to ten seconds until a line that matches was printed since the claim.
await() {
    for ((try = 0; try < 100; try++)); do
        seen "$1" && return 0
        sleep 0.1
    done
    return 1
}
expect() { if await "$1"; then good "$what"; else bad "$what: no line like $1" && since | tail -n 5 >&2; fi; }
# The pointer in the window, then a pause in which a frame is drawn.
point() { xdotool mousemove --window "$window" "$1" "$2" && sleep 0.15; }
click() { point "$1" "$2" && xdotool click "${3:-1}" && sleep 0.2; }
key() { xdotool key "$@" && sleep 0.2; }
# The color of a pixel of the window, as srgb(r,g,b).
pixel() { import -window "$window" -crop "1x1+$1+$2" txt:- | grep -oE 's?rgba?\([^)]*\)' | tail -n 1; }
shot() { import -window root "$work/$1.png"; }
ticks() { awk '{ print $14 + $15 }' "/proc/$app/stat"; }
# Starts the app with the environment of the arguments; its window is then at 100, 80.
start() {
    : >"$work/log"
    env "$@" "$target/debug/examples/hello" >"$work/log" 2>"$work/errors" &
    app=$!
    mark=0 what="first frame"
    expect 'first frame'
    window=$(xdotool search --sync --onlyvisible --name 'hello main' | tail -n 1)
    xdotool windowmove --sync "$window" 100 80
    xdotool windowfocus --sync "$window"
    sleep 0.5
}
# The app must end by itself, without an error.
ended() {
    for ((try = 0; try < 50; try++)); do kill -0 "$app" 2>/dev/null || break && sleep 0.1; done
    if kill -0 "$app" 2>/dev/null; then
        bad "the app ends"
        return
    fi
    wait "$app" && good "the app ends with 0" || bad "the app ended with $?"
    app=
    grep -v XDG_RUNTIME_DIR "$work/errors" >&2
}

cargo build --quiet --workspace --example hello --example drag_source --manifest-path "$root/Cargo.toml" || exit 1
display_start 1400x900 || exit 1
xdotool mousemove 1300 850
start

claim "hover"
point 300 300
expect 'main: pointer Some\(\[300\.0 300\.0\]\)'
claim "leaving the window"
xdotool mousemove 1300 850
expect 'main: pointer None'
claim "click"
click 70 32
expect 'main: clicks 1'
claim "extra mouse buttons"
click 300 300 8
expect 'main: button Extra1 true'
claim "right button"
click 300 300 3
expect 'main: button Secondary true'
claim "drag"
point 46 72
xdotool mousedown 1
for x in 60 80 100; do point "$x" 72; done
xdotool mouseup 1
expect 'main: slider (0\.[6-9]|1\.0)'
claim "wheel"
point 150 300
xdotool click --repeat 3 --delay 50 5
expect 'main: scroll ([5-9][0-9]|[1-9][0-9][0-9])'
claim "wheel back"
xdotool click --repeat 6 --delay 50 4
expect 'main: scroll 0'

claim "typing"
click 120 112
xdotool type --delay 40 'Hello, World_42! (ok)'
expect 'main: text "Hello, World_42! \(ok\)"'
claim "keys tell place and modifiers"
key ctrl+shift+e
expect 'main: key E at Some\(E\) ctrl true shift true alt false'
claim "backspace"
key BackSpace BackSpace
expect 'main: text "Hello, World_42! \(o"'
claim "dead key"
key dead_acute e
expect 'main: text "Hello, World_42! \(oé"'
claim "pre-edit of an input method"
key ctrl+shift+u
expect 'main: ime Preedit \{ text: "u"'
claim "its commit"
xdotool type --delay 60 'e8'
key space
expect 'main: text "Hello, World_42! \(oéè"'
key BackSpace
claim "copy text"
key ctrl+a
key ctrl+c
sleep 0.3
if [[ $(timeout 5 xclip -o -selection clipboard) == 'Hello, World_42! (oé' ]]; then good "$what"; else bad "$what"; fi
claim "paste own text"
key End
key ctrl+v
expect 'main: text "Hello, World_42! \(oéHello, World_42! \(oé"'
claim "paste text of another program"
printf 'fremd' | xclip -selection clipboard -i
key ctrl+a
key ctrl+v
expect 'main: text "fremd"'
claim "cut"
key ctrl+a
key ctrl+x
expect 'main: text ""'
claim "paste the selection with the middle button"
printf 'selected' | xclip -selection primary -i
click 120 112 2
expect 'main: text "selected"'

claim "copy an image"
click 190 32
await 'copied image'
timeout 5 xclip -o -selection clipboard -t image/png >"$work/copied.png"
if [[ $(identify -format '%w %h' "$work/copied.png") == '6 4' ]] &&
    [[ $(convert "$work/copied.png" -format '%[pixel:p{0,0}]' info:) == srgb*'(200,100,50'* ]]; then
    good "$what"
else
    bad "$what"
fi
claim "paste an image"
convert -size 5x3 xc:'rgb(10,20,30)' "$work/paste.png"
xclip -selection clipboard -t image/png -i "$work/paste.png"
key ctrl+v
expect 'pasted image \[5, 3\] #0A_?14_?1E'

claim "a link"
click 550 32
expect '^url https://example.org/'
claim "screenshot"
key F6
expect 'main: screenshot \[640, 480\]'
shot 1-before

claim "a drag of files hovers"
printf 'twelve bytes' >"$work/a file.txt"
"$target/debug/examples/drag_source" "$work/a file.txt" &
source=$!
from=$(xdotool search --sync --onlyvisible --name 'drag source' | tail -n 1)
xdotool windowmove --sync "$from" 900 600
sleep 0.3
xdotool mousemove --window "$from" 50 50 mousedown 1
for step in 1 2 3 4; do xdotool mousemove_relative -- -5 -5 && sleep 0.1; done
for x in 400 380 360 340; do point "$x" 300; done
expect 'main: hovered .*a file.txt'
claim "leaving ends the drag"
xdotool mousemove 1300 850
sleep 0.2
expect 'main: hovered \[\]'
claim "a dropped file"
for x in 400 380 360 340; do point "$x" 300; done
sleep 0.3
xdotool mouseup 1
expect 'main: dropped .*a file.txt Ok\(12\)'
kill "$source" && source=

claim "40 resizes"
xdotool windowfocus --sync "$window"
for ((step = 0; step < 40; step++)); do
    xdotool windowsize "$window" $((500 + step * 7 % 230)) $((400 + step * 11 % 170)) && sleep 0.05
done
xdotool windowsize --sync "$window" 660 470
expect 'main: size \[660\.0 470\.0\]'
sleep 0.5
claim "the picture after the resizes"
click 70 32
shot 2-resized
[[ $(pixel 368 68) == *'(0,255,128'* ]] && good "$what" || bad "$what: $(pixel 368 68)"

claim "title and size by the app"
key F10
expect 'main: size \[700\.0 500\.0\]'
[[ $(xdotool getwindowname "$window") == renamed ]] && good "title" || bad "title"
claim "fullscreen"
key F11
expect 'main: fullscreen Some\(true\)'
key F11
expect 'main: fullscreen Some\(false\)'

claim "animated"
click 430 32
expect 'main: animated true'
claim "minimized"
key F7
expect 'main: minimized Some\(true\)'
sleep 0.5
before=$(ticks)
sleep 3
after=$(ticks)
((after - before <= 10)) && good "an animation costs little while minimized: $((after - before)) ticks" ||
    bad "minimized: $((after - before)) ticks in 3 s"
xdotool windowmap "$window" windowactivate --sync "$window"
expect 'main: minimized Some\(false\)'
sleep 0.5
claim "no longer animated"
click 430 32
expect 'main: animated false'

claim "idle"
xdotool mousemove 1300 850
sleep 2
before=$(ticks)
sleep 6
after=$(ticks)
((after == before)) && good "idle: 0 ticks in 6 s" || bad "idle: $((after - before)) ticks in 6 s"

claim "a lost GPU is replaced"
xdotool windowfocus --sync "$window"
key F8
expect 'main: device changed'
sleep 0.7
click 70 32
shot 3-replaced
[[ $(pixel 368 68) == *'(0,255,128'* ]] && good "textures after it" || bad "textures after it: $(pixel 368 68)"

claim "a second window"
key F9
expect 'second: size'
second=$(xdotool search --sync --onlyvisible --name 'hello second' | tail -n 1)
xdotool windowmove --sync "$second" 740 380 windowfocus --sync "$second"
sleep 0.5
main=$window window=$second
claim "click in the second window"
click 70 32
expect 'second: clicks 1'
shot 4-two
claim "the second window closes alone"
xdotool windowactivate --sync "$second" key alt+F4
expect 'second: app exit'
window=$main
xdotool windowactivate --sync "$window"
claim "the first window goes on"
click 70 32
expect 'main: clicks'

claim "a vetoed close"
click 272 32
xdotool key alt+F4
expect 'main: close vetoed'
sleep 0.5
claim "the app goes on after it"
click 70 32
expect 'main: clicks'
click 272 32
claim "a close"
xdotool key alt+F4
expect 'main: app exit'
expect '^exit'
ended
[[ -z $keep ]] || cp "$work/log" "$keep/log-main"

start GDK_SCALE=2
what="twice as many pixels" mark=0
seen 'main: scale Some\(2\.0\)' && seen 'main: size \[640\.0 480\.0\]' && good "$what" || bad "$what"
claim "click at that scale"
click 140 64
expect 'main: clicks 1'
shot 5-scaled
claim "close by the app"
key F12
expect 'main: app exit'
ended

start
claim "the end of the whole app ends its windows"
key ctrl+q
expect 'main: app exit'
expect '^exit'
ended

# A screen reader, where the bus for them and a binding for it are installed.
python=/usr/bin/python3
if "$python" -c 'import gi; gi.require_version("Atspi", "2.0"); from gi.repository import Atspi' 2>/dev/null; then
    gdbus call --session --dest org.a11y.Bus --object-path /org/a11y/bus \
        --method org.freedesktop.DBus.Properties.Set org.a11y.Status ScreenReaderEnabled '<true>' >/dev/null
    start
    claim "a screen reader finds and presses the button"
    "$python" "$crate/tests/press.py" Count
    expect 'main: clicks 1'
    claim "close"
    key F12
    expect 'main: app exit'
    ended
else
    echo "left out: accessibility, no Atspi for $python"
fi
((failures == 0)) && echo "all good" || { echo "$failures failed" >&2 && exit 1; }
