// What the pages use of the holder: a key that never leaves this device, its certificate, and signing with it.
export { askedIn, certificateIn, type Enrolment, type Holder, type Holding, openHolder } from './holder'
export { login, logout, type Session } from './login'
export { NotNow, Problem, problemOf, Unreachable } from './problem'
