//! The picture of `idinit device watch`.

use super::port::Talk;
use super::watch::{Watch, budget, share};
use crate::failure::Failure;
use idinit::device::talk::{Info, Metrics};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Style, Stylize};
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph, Sparkline};
use ratatui::{DefaultTerminal, Frame};
use std::time::Instant;

/// How many looks are kept: more than a terminal is wide.
const KEPT: usize = 1000;

/// What is in the picture.
struct Picture {
    info: Info,
    metrics: Metrics,
    /// Accuracy of the recent labels, in per cent, and the loss, one of each look.
    accuracy: Vec<u64>,
    loss: Vec<f32>,
    /// What happened last, if it was something.
    news: String,
}

/// Looks and draws until somebody ends it.
pub fn show(watch: &Watch, talk: &mut Talk, info: Info) -> Result<(), Failure> {
    let metrics = watch.look(talk)?;
    let mut picture = Picture::new(info);
    picture.take(metrics);
    let mut terminal = ratatui::try_init()?;
    let ended = run(watch, talk, &mut terminal, &mut picture);
    ratatui::restore();
    ended
}

fn run(
    watch: &Watch,
    talk: &mut Talk,
    terminal: &mut DefaultTerminal,
    picture: &mut Picture,
) -> Result<(), Failure> {
    let mut due = Instant::now() + watch.every;
    loop {
        terminal.draw(|frame| picture.draw(frame))?;
        if event::poll(due.saturating_duration_since(Instant::now()))? {
            match event::read()? {
                Event::Key(key) if key.kind == KeyEventKind::Press => match key.code {
                    KeyCode::Char('q') | KeyCode::Esc => return Ok(()),
                    KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                        return Ok(());
                    }
                    KeyCode::Char('p') => {
                        let pause = !picture.metrics.paused;
                        let word = if pause { "paused" } else { "goes on" };
                        picture.tell(watch.port.told(talk.pause(pause)).map(|()| word.to_string()));
                    }
                    KeyCode::Char('s') => {
                        let saved = watch.port.told(talk.save());
                        picture.tell(saved.map(|weights| format!("saved: weights {weights}")));
                    }
                    _ => {}
                },
                _ => {}
            }
        }
        if Instant::now() >= due {
            match watch.look(talk) {
                Ok(metrics) => picture.take(metrics),
                Err(failure) => picture.tell(Err(failure)),
            }
            due = Instant::now() + watch.every;
        }
    }
}

impl Picture {
    fn new(info: Info) -> Self {
        let metrics = Metrics::default();
        Self { info, metrics, accuracy: vec![], loss: vec![], news: String::new() }
    }

    fn take(&mut self, metrics: Metrics) {
        self.news.clear();
        self.metrics = metrics;
        let now = share(metrics.recent_right.into(), metrics.recent.into());
        self.accuracy.push(now.unwrap_or(0.0) as u64);
        self.loss.push(metrics.loss);
        if self.accuracy.len() > KEPT {
            self.accuracy.remove(0);
            self.loss.remove(0);
        }
    }

    fn tell(&mut self, news: Result<String, Failure>) {
        self.news = news.unwrap_or_else(|failure| failure.to_string());
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        let [head, middle, foot] =
            Layout::vertical([Constraint::Length(9), Constraint::Min(6), Constraint::Length(1)])
                .areas(frame.area());
        let [about, numbers] =
            Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(head);
        frame.render_widget(self.about(), about);
        frame.render_widget(self.numbers(), numbers);
        let [accuracy, loss] =
            Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).areas(middle);
        let now = self.accuracy.last().copied().unwrap_or_default();
        let title = format!(" right of the last {}: {now} % ", self.metrics.recent);
        line_of(frame, accuracy, &title, &self.accuracy, 100, Style::new().green());
        let most = self.loss.iter().copied().fold(0.0, f32::max);
        let scale = if most > 0.0 { 1000.0 / most } else { 0.0 };
        let heights: Vec<u64> = self.loss.iter().map(|loss| (loss * scale) as u64).collect();
        let title = format!(" loss: {:.4}, at most {most:.4} ", self.metrics.loss);
        line_of(frame, loss, &title, &heights, 1000, Style::new().yellow());
        let help = match self.news.as_str() {
            "" => "q ends   p pauses or goes on   s saves",
            news => news,
        };
        frame.render_widget(Line::from(help).dim(), foot);
    }

    fn about(&self) -> Paragraph<'_> {
        let Info { recipe, start, window, axes, classes, weights, ram, .. } = &self.info;
        let text = format!(
            "{recipe}\nstart   {start}\nwindow  {window} numbers, {axes} of each sample\nclasses \
             {classes}\nweights {weights}\nmemory  {ram} bytes"
        );
        Paragraph::new(text).block(Block::bordered().title(" device "))
    }

    fn numbers(&self) -> Paragraph<'_> {
        let Metrics { steps, examples, labels, right, lost, ram, saves, paused, .. } = self.metrics;
        let all = share(right, labels).map_or(String::new(), |all| format!(", {all:.1} % right"));
        let left = budget(self.metrics.budget).map_or("no bound".to_string(), |n| n.to_string());
        let text = format!(
            "steps   {steps}, budget {left}\nwindows {examples}\nlabels  {labels}{all}\nlost    {lost} \
             samples\nmemory  {ram} bytes in use\nsaves   {saves}\n{}",
            if paused { "paused" } else { "learning" }
        );
        Paragraph::new(text).block(Block::bordered().title(" now "))
    }
}

/// The last values, as many as there are columns.
fn line_of(frame: &mut Frame<'_>, area: Rect, title: &str, all: &[u64], most: u64, style: Style) {
    let columns = usize::from(area.width.saturating_sub(2));
    let last = all.get(all.len().saturating_sub(columns)..).unwrap_or_default();
    let block = Block::bordered().title(title);
    frame.render_widget(Sparkline::default().block(block).data(last).max(most).style(style), area);
}

#[cfg(test)]
mod tests {
    use super::*;
    use idinit::recipe::Fingerprint;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn drawn(picture: &Picture, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| picture.draw(frame)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let cells: Vec<&str> = buffer.content().iter().map(|cell| cell.symbol()).collect();
        cells.chunks(usize::from(width)).map(|row| row.concat() + "\n").collect()
    }

    #[test]
    fn the_picture_has_the_numbers_and_a_line_that_rises() {
        let mut picture = Picture::new(Info {
            idinit: "0.1.0".into(),
            math: "libm".into(),
            start: Fingerprint(0x1234),
            recipe: "idinit/1 mlp".into(),
            window: 64,
            axes: 1,
            classes: 10,
            weights: 3466,
            ram: 30_000,
            chunk: 236,
            delta: 4096,
        });
        for step in 0..=50 {
            let (right, loss) = (2 * step, 2.5 - step as f32 / 25.0);
            let labels = u32::from(right);
            picture.take(Metrics {
                steps: 7,
                labels,
                right: labels / 2,
                recent: 100,
                recent_right: right,
                loss,
                budget: u32::MAX,
                ..Metrics::default()
            });
        }
        let text = drawn(&picture, 100, 30);
        for words in [
            "idinit/1 mlp",
            "0000000000001234",
            "right of the last 100: 100 %",
            "loss: 0.5000, at most 2.5000",
            "labels  100, 50.0 % right",
            "budget no bound",
            "q ends",
            "learning",
        ] {
            assert!(text.contains(words), "{words} is not in\n{text}");
        }
        let columns = |row: &str| row.matches('█').count();
        let rows: Vec<&str> = text.lines().skip(10).take(9).collect();
        assert!(
            columns(rows[0]) < columns(rows[4]) && columns(rows[4]) < columns(rows[7]),
            "{text}"
        );
        picture.tell(Err(Failure::failed("no answer")));
        picture.metrics.paused = true;
        let text = drawn(&picture, 100, 30);
        assert!(text.contains("no answer") && text.contains("paused"), "{text}");
        // a window of any size is drawn
        for (width, height) in [(1, 1), (10, 5), (300, 3)] {
            drawn(&picture, width, height);
        }
    }
}
