//! The `dinoscope` command line, built for the tests.

fn main() -> std::process::ExitCode {
    dinoscope_cli::main()
}
