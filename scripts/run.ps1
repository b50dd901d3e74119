# Builds Dinoscope and shows what it does: PCA, similarity and matches of the sample pictures.
#
#   scripts/run.ps1            writes pictures to out\ (or $env:DINOSCOPE_OUT) and names them
#   scripts/run.ps1 ARGS...    runs `dinoscope ARGS...`, e.g. scripts/run.ps1 devices
$ErrorActionPreference = 'Stop'
$root = Split-Path -Parent $PSScriptRoot

if (-not (Get-Command cargo -ErrorAction SilentlyContinue)) {
    Write-Error 'cargo not found, Rust 1.95 or newer is needed; get it from https://rustup.rs'
}
if (-not $env:CARGO_TARGET_DIR) {
    $env:CARGO_TARGET_DIR = Join-Path $env:LOCALAPPDATA 'dinoscope\target'
}
cargo build --release --locked --workspace --bin dinoscope --manifest-path (Join-Path $root 'Cargo.toml')
if ($LASTEXITCODE) { exit $LASTEXITCODE }
$dinoscope = Join-Path $env:CARGO_TARGET_DIR 'release\dinoscope.exe'

if ($args.Count) {
    & $dinoscope @args
    exit $LASTEXITCODE
}

# A failing program does not stop PowerShell by itself.
function Invoke-Dinoscope {
    & $dinoscope @args
    if ($LASTEXITCODE) { exit $LASTEXITCODE }
}

$photos = Join-Path $root 'assets\photos'
$cat = Join-Path $photos 'chelsea.png'
$out = if ($env:DINOSCOPE_OUT) { $env:DINOSCOPE_OUT } else { Join-Path $root 'out' }
New-Item -ItemType Directory -Force $out | Out-Null
$all = Get-ChildItem $photos -File | Where-Object Extension -In '.png', '.jpg' | ForEach-Object FullName

Invoke-Dinoscope pca @all -o (Join-Path $out 'pca') --force
# The point is the pupil of the cat's left eye, as we see it.
Invoke-Dinoscope similarity $cat --at '172,112' -o (Join-Path $out 'similarity.png') --force
Invoke-Dinoscope match $cat (Join-Path $photos 'astronaut.png') `
    -o (Join-Path $out 'match.csv') --figure (Join-Path $out 'match.png') --force

Write-Output "`nResults in ${out}:"
Get-ChildItem $out -Recurse -File | ForEach-Object FullName
