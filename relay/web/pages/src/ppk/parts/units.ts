// Rates, lengths of time and moments as an office reads them; sizes are in `look/units`.
import { language, number, say } from '../../words/words'

const KILO = 1000

/** `64 kbit/s`. */
export const rate = (bytesPerSecond: number): string => `${number(Math.round((bytesPerSecond * 8) / KILO))} kbit/s`

/** A length of time in its two largest units: `3 j 20 mnt`. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const days = Math.floor(whole / 86400)
  const hours = Math.floor(whole / 3600) % 24
  const minutes = Math.floor(whole / 60) % 60
  if (days) return say('unit.days-hours', { days, hours })
  if (hours) return say('unit.hours-minutes', { hours, minutes })
  return minutes ? say('unit.minutes', { minutes }) : say('unit.seconds', { seconds: whole })
}

/** A moment (Unix seconds): the time of day, with the date if it is not today's. */
export function moment(unix: number): string {
  const when = new Date(unix * 1000)
  const locale = language.value === 'id' ? 'id-ID' : 'en-GB'
  const time = when.toLocaleTimeString(locale, { hour: '2-digit', minute: '2-digit' })
  const isToday = when.toDateString() === new Date().toDateString()
  return isToday ? time : `${when.toLocaleDateString(locale, { day: 'numeric', month: 'short' })} ${time}`
}

/** `14 dari 16 TPS`; of how many is not known where no list of TPS was read in. */
export const coverage = (withTally: number, stations: number): string =>
  say(stations > 0 ? 'totals.coverage' : 'totals.coverage-unknown', {
    with: number(withTally),
    of: number(Math.max(stations, withTally))
  })

/** `TPS 3` from a TPS code. */
export const stationName = (tps: string): string => `TPS ${Number(tps.slice(10))}`
