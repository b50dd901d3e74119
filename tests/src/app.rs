//! The desktop app, built for the tests.

fn main() -> std::process::ExitCode {
    dinoscope_app::main()
}
