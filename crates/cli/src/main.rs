//! The `dinoscope` binary.

fn main() -> std::process::ExitCode {
    dinoscope_cli::main()
}
