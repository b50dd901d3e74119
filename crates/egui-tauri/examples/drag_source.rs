//! A small window to drag a file from, for `tests/hello.sh`: `drag_source FILE`.

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use gtk::gdk;
    use gtk::prelude::*;

    let file = std::env::args().nth(1).ok_or("usage: drag_source FILE")?;
    let uri = gtk::glib::filename_to_uri(std::fs::canonicalize(file)?, None)?;
    gtk::init()?;
    let window = gtk::Window::new(gtk::WindowType::Toplevel);
    window.set_title("drag source");
    window.set_default_size(200, 100);
    let target = gtk::TargetEntry::new("text/uri-list", gtk::TargetFlags::empty(), 0);
    let source = gtk::EventBox::new();
    source.drag_source_set(
        gdk::ModifierType::BUTTON1_MASK,
        &[target],
        gdk::DragAction::COPY,
    );
    source.connect_drag_data_get(move |_, _, data, _, _| {
        data.set_uris(&[uri.as_str()]);
    });
    window.add(&source);
    window.connect_delete_event(|_, _| {
        gtk::main_quit();
        gtk::glib::Propagation::Proceed
    });
    window.show_all();
    gtk::main();
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {}
