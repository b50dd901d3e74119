# Runs all tests. Arguments go to `cargo test`: scripts/test.ps1 -p dinoscope-engine pca
$ErrorActionPreference = 'Stop'
$root = Split-Path -Parent $PSScriptRoot

if (-not (Get-Command cargo -ErrorAction SilentlyContinue)) {
    Write-Error 'cargo not found, Rust 1.95 or newer is needed; get it from https://rustup.rs'
}
if (-not $env:CARGO_TARGET_DIR) {
    $env:CARGO_TARGET_DIR = Join-Path $env:LOCALAPPDATA 'dinoscope\target'
}

Push-Location $root
try {
    cargo test --workspace --locked @args
    exit $LASTEXITCODE
}
finally {
    Pop-Location
}
