//! A real Chromium, asked as a person asks it: fields by their label, buttons by their words.
//!
//! Start at [`Browser::start`] and [`Browser::person`]: each person has cookies of their own. Whatever a page complains
//! of (errors of script, refusals of the content security policy, answers that fail) and whatever it asks of another host is
//! collected, and [`Person::nothing_went_wrong`] fails on it. Nothing waits for a time: each step waits for the load or the words
//! that it expects, up to a deadline.

// A story uses the verbs it needs.
#![allow(dead_code)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Message, WebSocket};

/// How long a step may take before it has failed. Generous, for machines that do other things too.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long words may take to appear on a page that has loaded.
const SOON: Duration = Duration::from_secs(10);

/// How a person finds things on a page.
const FINDING: &str = include_str!("finding.js");

/// What has been heard of a person's page.
#[derive(Default)]
struct Heard {
    loads: u64,
    /// Status of the page itself.
    status: Option<u64>,
    problems: Vec<String>,
}

/// The line to the browser (Chrome DevTools Protocol, flat sessions).
struct Line {
    socket: RefCell<WebSocket<TcpStream>>,
    last: Cell<u64>,
    heard: RefCell<BTreeMap<String, Heard>>,
    /// Where requests may go, as the beginning of an address.
    home: RefCell<Vec<String>>,
}

impl Line {
    fn send(&self, session: Option<&str>, method: &str, params: &Value) -> u64 {
        let id = self.last.get() + 1;
        self.last.set(id);
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        self.socket.borrow_mut().send(Message::text(message.to_string())).unwrap();
        id
    }

    /// Asks, and hears on the way what else the browser tells.
    fn ask(&self, session: Option<&str>, method: &str, params: &Value) -> Result<Value, String> {
        let id = self.send(session, method, params);
        let deadline = Instant::now() + DEADLINE;
        loop {
            let Some(mut message) = self.next(deadline) else {
                panic!("{method}: no answer of the browser within {DEADLINE:?}")
            };
            if message["id"] == id {
                return match message.get("error") {
                    Some(error) => Err(format!("{method}: {error}")),
                    None => Ok(message["result"].take()),
                };
            }
            self.hear(&message);
        }
    }

    fn next(&self, deadline: Instant) -> Option<Value> {
        loop {
            let left = deadline.checked_duration_since(Instant::now())?;
            let mut socket = self.socket.borrow_mut();
            socket.get_ref().set_read_timeout(Some(left.max(Duration::from_millis(1)))).unwrap();
            match socket.read() {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(_) => {}
                Err(tungstenite::Error::Io(error))
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    ) => {}
                Err(error) => panic!("the browser is gone: {error}"),
            }
        }
    }

    fn hear(&self, message: &Value) {
        let (Some(session), Some(method)) = (message["sessionId"].as_str(), message["method"].as_str())
        else {
            return;
        };
        let params = &message["params"];
        if method == "Page.javascriptDialogOpening" {
            self.send(Some(session), "Page.handleJavaScriptDialog", &json!({ "accept": true }));
        }
        let mut heard = self.heard.borrow_mut();
        let heard = heard.entry(session.to_owned()).or_default();
        match method {
            "Page.loadEventFired" => heard.loads += 1,
            "Runtime.consoleAPICalled"
                if matches!(params["type"].as_str(), Some("error" | "warning" | "assert")) =>
            {
                heard.problems.push(format!("console: {}", params["args"]));
            }
            "Runtime.exceptionThrown" => {
                let details = &params["exceptionDetails"];
                heard.problems.push(format!(
                    "script: {} {} at {}:{}",
                    details["text"],
                    details["exception"]["description"],
                    details["url"],
                    details["lineNumber"]
                ));
            }
            // Answers that fail are told below, with what was asked for.
            "Log.entryAdded"
                if matches!(params["entry"]["level"].as_str(), Some("error" | "warning"))
                    && params["entry"]["source"] != "network" =>
            {
                heard.problems.push(format!("{}: {}", params["entry"]["source"], params["entry"]["text"]));
            }
            "Audits.issueAdded" if params["issue"]["code"] == "ContentSecurityPolicyIssue" => {
                heard.problems.push(format!("content security policy: {}", params["issue"]["details"]));
            }
            "Network.requestWillBeSent" => {
                let address = params["request"]["url"].as_str().unwrap_or_default();
                let elsewhere = !self.home.borrow().iter().any(|home| address.starts_with(home.as_str()))
                    && !["data:", "blob:", "about:"].iter().any(|own| address.starts_with(own));
                if elsewhere {
                    heard.problems.push(format!("asked of another host: {address}"));
                }
            }
            "Network.responseReceived" => {
                let status = params["response"]["status"].as_u64().unwrap_or_default();
                if params["type"] == "Document" {
                    heard.status = Some(status);
                // The browser asks for this picture by itself.
                } else if status >= 400 && !address(params).ends_with("/favicon.ico") {
                    heard.problems.push(format!("{status} for {}", params["response"]["url"]));
                }
            }
            "Network.loadingFailed" if !params["blockedReason"].is_null() => {
                heard.problems.push(format!("blocked: {}", params["blockedReason"]));
            }
            _ => {}
        }
    }

    fn heard<T>(&self, session: &str, of: impl FnOnce(&mut Heard) -> T) -> T {
        of(self.heard.borrow_mut().entry(session.to_owned()).or_default())
    }
}

fn address(params: &Value) -> &str {
    params["response"]["url"].as_str().unwrap_or_default()
}

/// A Chromium of the test's own, without a window; it ends with the test.
pub(crate) struct Browser {
    process: Child,
    line: Rc<Line>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// None where no Chromium is installed; the test has then said so.
    pub(crate) fn start() -> Option<Self> {
        let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let program = names.iter().find_map(|name| {
            std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
        });
        let Some(program) = program else {
            println!("skipped: no Chromium");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let mut process = Command::new(program)
            .args([
                "--headless",
                "--remote-debugging-port=0",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--no-default-browser-check",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--disable-extensions",
                "--disable-features=Translate,OptimizationHints,MediaRouter,DialMediaRouteProvider",
                "--password-store=basic",
                "--lang=en-GB",
                "--hide-scrollbars",
                // Whatever the browser itself should want to fetch, it finds no other host.
                "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .env("HOME", profile.path())
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut said = String::new();
        let address = lines.by_ref().find_map(|line| {
            said.push_str(&line);
            said.push('\n');
            line.strip_prefix("DevTools listening on ").map(str::to_owned)
        });
        let Some(address) = address else { panic!("Chromium does not start:\n{said}") };
        // What it says is read on, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        let host = address.trim_start_matches("ws://").split('/').next().unwrap_or_default();
        let stream = TcpStream::connect(host).unwrap();
        stream.set_nodelay(true).unwrap();
        let settings =
            WebSocketConfig::default().max_message_size(Some(512 << 20)).max_frame_size(Some(512 << 20));
        let (socket, _) =
            tungstenite::client::client_with_config(address.as_str(), stream, Some(settings)).unwrap();
        let line = Line {
            socket: RefCell::new(socket),
            last: Cell::new(0),
            heard: RefCell::default(),
            home: RefCell::default(),
        };
        Some(Self { process, line: Rc::new(line), _profile: profile })
    }

    /// Somebody at a browser of their own, looking at the pages under `home`.
    pub(crate) fn person(&self, name: &str, home: &str) -> Person {
        let ask = |method: &str, params: Value| self.line.ask(None, method, &params).unwrap();
        let context = ask("Target.createBrowserContext", json!({ "disposeOnDetach": true }));
        let target = ask(
            "Target.createTarget",
            json!({ "url": "about:blank", "browserContextId": context["browserContextId"] }),
        );
        let attached =
            ask("Target.attachToTarget", json!({ "targetId": target["targetId"], "flatten": true }));
        let home = home.trim_end_matches('/').to_owned();
        self.line.home.borrow_mut().push(format!("{home}/"));
        let person = Person {
            name: name.to_owned(),
            home,
            session: attached["sessionId"].as_str().unwrap().to_owned(),
            line: Rc::clone(&self.line),
            part: None,
        };
        for domain in ["Page", "Runtime", "Network", "Log", "Audits"] {
            person.ask(&format!("{domain}.enable"), &json!({}));
        }
        person.ask("Emulation.setFocusEmulationEnabled", &json!({ "enabled": true }));
        person.looks_at(1280, "light");
        person
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A person at a browser.
pub(crate) struct Person {
    name: String,
    home: String,
    session: String,
    line: Rc<Line>,
    part: Option<String>,
}

impl Person {
    fn ask(&self, method: &str, params: &Value) -> Value {
        match self.line.ask(Some(&self.session), method, params) {
            Ok(answer) => answer,
            Err(error) => self.fails(&error),
        }
    }

    fn heard<T>(&self, of: impl FnOnce(&mut Heard) -> T) -> T {
        self.line.heard(&self.session, of)
    }

    /// The test ends here, with what the person has before their eyes.
    fn fails(&self, why: &str) -> ! {
        let at = self.part.as_ref().map_or_else(String::new, |part| format!(" (within {part:?})"));
        let look = |expression: &str| {
            let asked = json!({ "expression": expression, "returnByValue": true });
            let answer = self.line.ask(Some(&self.session), "Runtime.evaluate", &asked).unwrap_or_default();
            answer["result"]["value"].as_str().unwrap_or_default().to_owned()
        };
        let (address, text) = (look("location.href"), look("document.body.innerText"));
        panic!("{}{at}: {why}\n--- {address}\n{text}\n---", self.name)
    }

    /// The same person, looking at what belongs to a heading.
    pub(crate) fn within(&self, heading: &str) -> Self {
        Self {
            name: self.name.clone(),
            home: self.home.clone(),
            session: self.session.clone(),
            line: Rc::clone(&self.line),
            part: Some(heading.to_owned()),
        }
    }

    /// The window's width, and a page in light or dark.
    pub(crate) fn looks_at(&self, width: u32, scheme: &str) {
        let window = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", &window);
        let scheme = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.ask("Emulation.setEmulatedMedia", &scheme);
    }

    /// Opens a page by its path.
    pub(crate) fn open(&self, path: &str) {
        let address = format!("{}{path}", self.home);
        let loads = self.heard(|heard| heard.loads);
        let answer = self.ask("Page.navigate", &json!({ "url": address }));
        if let Some(error) = answer["errorText"].as_str() {
            self.fails(&format!("{address}: {error}"));
        }
        if answer["loaderId"].is_string() {
            self.waits_for_a_load(loads, &format!("{address} to open"));
        }
    }

    fn waits_for_a_load(&self, loads: u64, what: &str) {
        let deadline = Instant::now() + DEADLINE;
        while self.heard(|heard| heard.loads) == loads {
            let Some(message) = self.line.next(deadline) else {
                let refused = self.finds("return refused();");
                let refused = refused.as_str().unwrap_or_default();
                self.fails(&format!(
                    "waited {DEADLINE:?} for {what}, no page came; fields not filled as asked: {refused:?}"
                ));
            };
            self.line.hear(&message);
        }
    }

    /// Evaluates an expression in the page, waiting for a promise.
    pub(crate) fn evaluate(&self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.ask("Runtime.evaluate", &asked);
        if let Some(thrown) = answer.get("exceptionDetails") {
            self.fails(&format!("{} {}", thrown["text"], thrown["exception"]["description"]));
        }
        answer["result"]["value"].take()
    }

    fn finding(&self, body: &str) -> String {
        let part = json!(self.part);
        format!("(() => {{ const part = {part};\n{FINDING}\n{body} }})()")
    }

    fn finds(&self, body: &str) -> Value {
        self.evaluate(&self.finding(body))
    }

    /// Types into a field named by its label. Dates as 2026-01-31, with a time as 2026-01-31T09:30.
    pub(crate) fn fill(&self, label: &str, value: &str) {
        let (name, given) = (json!(label), json!(value));
        let text = self.finds(&format!(
            "const control = field({name}); if (!isText(control)) return fillWidget(control, {given}); control.focus(); control.select(); return null;"
        ));
        let stands = if text.is_null() {
            if value.is_empty() {
                self.finds(&format!("const control = field({name}); control.value = ''; changed(control);"));
            } else {
                self.ask("Input.insertText", &json!({ "text": value }));
            }
            self.finds(&format!("const control = field({name}); control.blur(); return control.value;"))
        } else {
            text
        };
        if stands.as_str() != Some(value) {
            self.fails(&format!("typed {value:?} into {label:?}, where there stands now {stands}"));
        }
    }

    /// What stands in a field.
    pub(crate) fn value(&self, label: &str) -> String {
        let name = json!(label);
        let value = self.finds(&format!("return pick('field', {name}, all(FIELDS), namesOf).value;"));
        value.as_str().unwrap_or_default().to_owned()
    }

    /// Takes an option of a list, or of buttons of which one is on.
    pub(crate) fn choose(&self, label: &str, option: &str) {
        self.finds(&format!("choose({}, {});", json!(label), json!(option)));
    }

    /// Types, or chooses where there is something to choose from.
    pub(crate) fn enter(&self, label: &str, value: &str) {
        if self.finds(&format!("return isChosen({});", json!(label))) == true {
            self.choose(label, value);
        } else {
            self.fill(label, value);
        }
    }

    /// Ticks a box.
    pub(crate) fn tick(&self, label: &str) {
        self.finds(&format!("tick({}, true);", json!(label)));
    }

    /// Presses a button and waits for the page that follows.
    pub(crate) fn press(&self, words: &str) {
        let loads = self.heard(|heard| heard.loads);
        self.mouse(&format!("button({})", json!(words)), words);
        self.waits_for_a_load(loads, &format!("what follows {words:?}"));
    }

    /// Follows a link and waits for its page.
    pub(crate) fn follow(&self, words: &str) {
        let loads = self.heard(|heard| heard.loads);
        self.mouse(&format!("link({})", json!(words)), words);
        self.waits_for_a_load(loads, &format!("what follows {words:?}"));
    }

    /// Presses what changes the page in its place: a summary, a box, a button of the script.
    pub(crate) fn click(&self, words: &str) {
        self.mouse(&format!("pressable({})", json!(words)), words);
    }

    /// The mouse itself: what lies under something else, or outside the window, cannot be pressed.
    fn mouse(&self, find: &str, words: &str) {
        let place = self.finds(&format!(
            "const wanted = {find};
            wanted.scrollIntoView({{ block: 'center', inline: 'center', behavior: 'instant' }});
            const box = [...wanted.getClientRects()].find((one) => one.width > 0 && one.height > 0) ?? wanted.getBoundingClientRect();
            const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
            const hit = document.elementFromPoint(x, y);
            if (!hit || !(wanted.contains(hit) || hit.contains(wanted))) throw new Error(`{words} lies under ${{hit?.outerHTML?.slice(0, 200) ?? 'nothing'}}`);
            return [x, y];"
        ));
        let (x, y) = (&place[0], &place[1]);
        for (kind, buttons) in [("mouseMoved", 0), ("mousePressed", 1), ("mouseReleased", 0)] {
            let button = if kind == "mouseMoved" { "none" } else { "left" };
            let event = json!({ "type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": 1 });
            self.ask("Input.dispatchMouseEvent", &event);
        }
    }

    /// Presses a key, such as `Tab` or `Enter`.
    pub(crate) fn key(&self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "ArrowRight" => (39, ""),
            "ArrowLeft" => (37, ""),
            other => self.fails(&format!("expected a key this driver knows, found {other}")),
        };
        let down = json!({ "type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
        self.ask("Input.dispatchKeyEvent", &down);
        let up = json!({ "type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code });
        self.ask("Input.dispatchKeyEvent", &up);
    }

    /// Words of the page that can be seen, blanks and line ends as one blank.
    pub(crate) fn text(&self) -> String {
        let text = self.finds("return words(roots().map((root) => root.innerText).join(' '));");
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a condition holds; `what` says which.
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + SOON;
        while !holds(self) {
            if Instant::now() > deadline {
                self.fails(&format!("waited {SOON:?}: {what}"));
            }
            // What the page tells meanwhile is heard; where it tells nothing this is the pause between two looks.
            if let Some(message) = self.line.next(Instant::now() + Duration::from_millis(30)) {
                self.line.hear(&message);
            }
        }
    }

    /// The words can be read on the page, at once or in a moment.
    pub(crate) fn sees(&self, words: &str) {
        self.until(&format!("expected to read {words:?}"), |person| person.text().contains(words));
    }

    /// The words cannot be read on the page.
    pub(crate) fn does_not_see(&self, words: &str) {
        if self.text().contains(words) {
            self.fails(&format!("expected not to read {words:?}"));
        }
    }

    /// Status of the page's answer.
    pub(crate) fn status(&self) -> u64 {
        self.heard(|heard| heard.status).unwrap_or_default()
    }

    /// The path of the page, with its query.
    pub(crate) fn path(&self) -> String {
        self.evaluate("location.pathname + location.search").as_str().unwrap_or_default().to_owned()
    }

    /// The whole page as a picture.
    pub(crate) fn screenshot(&self, path: &Path) {
        let layout = self.ask("Page.getLayoutMetrics", &json!({}));
        let size = &layout["cssContentSize"];
        let clip = json!({ "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1 });
        let asked = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let answer = self.ask("Page.captureScreenshot", &asked);
        let bytes =
            base64::engine::general_purpose::STANDARD.decode(answer["data"].as_str().unwrap()).unwrap();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// What the pages complained of since this was last asked.
    pub(crate) fn problems(&self) -> Vec<String> {
        // Whatever was told before this answer has then been heard.
        self.evaluate("0");
        self.heard(|heard| std::mem::take(&mut heard.problems))
    }

    /// No error of script, no refusal of the content security policy, nothing asked of another host.
    pub(crate) fn nothing_went_wrong(&self) {
        let problems = self.problems();
        if !problems.is_empty() {
            self.fails(&format!("the pages complained:\n  {}", problems.join("\n  ")));
        }
    }
}
