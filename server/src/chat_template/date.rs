//! `strftime` for the few letters that chat templates use, in UTC.

use std::fmt::Write;

const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
#[rustfmt::skip]
const MONTHS: [&str; 12] = [
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
];

/// Writes the time `seconds` after 1970 by `format`; a letter that is not known stays as it is.
pub(super) fn format_time(seconds: u64, format: &str) -> String {
    let (days, clock) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let name = |names: &[&'static str], index: u64| names[index as usize % names.len()];
    let mut text = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            text.push(letter);
            continue;
        }
        let written = match letters.next() {
            Some('Y') => write!(text, "{year}"),
            Some('y') => write!(text, "{:02}", year % 100),
            Some('m') => write!(text, "{month:02}"),
            Some('B') => write!(text, "{}", name(&MONTHS, month - 1)),
            Some('b') => write!(text, "{}", &name(&MONTHS, month - 1)[..3]),
            Some('d') => write!(text, "{day:02}"),
            Some('A') => write!(text, "{}", name(&DAYS, days)),
            Some('a') => write!(text, "{}", &name(&DAYS, days)[..3]),
            Some('H') => write!(text, "{:02}", clock / 3600),
            Some('M') => write!(text, "{:02}", clock / 60 % 60),
            Some('S') => write!(text, "{:02}", clock % 60),
            Some('%') | None => write!(text, "%"),
            Some(other) => write!(text, "%{other}"),
        };
        written.expect("writing to a String cannot fail");
    }
    text
}

/// Year, month and day of a day after 1970 (Hinnant's `civil_from_days`, whose years begin in March).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era_day = shifted % 146_097;
    let era_year = (era_day - era_day / 1_460 + era_day / 36_524 - era_day / 146_096) / 365;
    let year_day = era_day - (365 * era_year + era_year / 4 - era_year / 100);
    let shifted_month = (5 * year_day + 2) / 153;
    let day = year_day - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era_year + shifted / 146_097 * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        assert_eq!(format_time(0, "%d %b %Y, %A %H:%M:%S"), "01 Jan 1970, Thursday 00:00:00");
        assert_eq!(format_time(951_782_400, "%Y-%m-%d %a"), "2000-02-29 Tue");
        assert_eq!(format_time(1_735_689_599, "%B %d %y %H:%M:%S %q %%"), "December 31 24 23:59:59 %q %");
    }
}
