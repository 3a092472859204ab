//! Looks for libpcap before the compiler runs, so that its absence is told by the name of a package and not by the
//! linker.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBPCAP_LIBDIR");
    let wanted = env::var_os("CARGO_FEATURE_PCAP").is_some() && env::var_os("DOCS_RS").is_none();
    if wanted
        && is_native_unix()
        && !(in_libdir() || by_pkg_config() || by_pcap_config() || in_usual_places())
    {
        eprintln!("{MISSING}");
        exit(1);
    }
}

/// Elsewhere the libraries of this machine say nothing, and macOS has libpcap in its SDK.
fn is_native_unix() -> bool {
    let is = |name, value: &str| env::var(name).is_ok_and(|v| v == value);
    env::var("HOST") == env::var("TARGET")
        && is("CARGO_CFG_TARGET_FAMILY", "unix")
        && !is("CARGO_CFG_TARGET_OS", "macos")
}

fn in_libdir() -> bool {
    env::var_os("LIBPCAP_LIBDIR").is_some_and(|dir| holds_libpcap(Path::new(&dir)))
}

fn by_pkg_config() -> bool {
    pkg_config::Config::new().cargo_metadata(false).probe("libpcap").is_ok()
}

/// libpcap's own script, from the time before its pkg-config file (1.9).
fn by_pcap_config() -> bool {
    Command::new("pcap-config").arg("--libs").output().is_ok_and(|out| out.status.success())
}

fn in_usual_places() -> bool {
    let triple = env::var("TARGET").unwrap_or_default().replace("-unknown-", "-");
    let places =
        ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64", "/lib", "/lib64", "/usr/pkg/lib"];
    let multiarch = [PathBuf::from("/usr/lib").join(&triple), PathBuf::from("/lib").join(&triple)];
    places.iter().map(PathBuf::from).chain(multiarch).any(|dir| holds_libpcap(&dir))
}

/// The name the linker asks for: without it only the run-time package is there.
fn holds_libpcap(dir: &Path) -> bool {
    ["libpcap.so", "libpcap.a", "libpcap.dylib", "libpcap.tbd"].iter().any(|name| dir.join(name).exists())
}

const MISSING: &str = "
error: libpcap with its development files was not found. Install it:

    Debian, Ubuntu          sudo apt-get install libpcap-dev
    Fedora, RHEL, CentOS    sudo dnf install libpcap-devel
    openSUSE                sudo zypper install libpcap-devel
    Arch                    sudo pacman -S libpcap
    Alpine                  sudo apk add libpcap-dev
    macOS                   part of the system (xcode-select --install)

If it lies in an unusual place, set LIBPCAP_LIBDIR to the folder that holds libpcap.so.
Without capture filters and interfaces, the library builds with --no-default-features.
";
