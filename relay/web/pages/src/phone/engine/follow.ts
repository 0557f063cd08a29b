// Several tabs of one phone: each tells the others what it wrote, and the one that sends what it knows of the relay.
import type { RelayView } from './types'

type Message =
  | { what: 'written' }
  | { what: 'hurry' }
  | { what: 'enrolled' }
  | { what: 'relay'; change: Partial<RelayView> }

/** What this tab does when another one says something. */
export interface Follower {
  written: () => void
  hurry: () => void
  enrolled: () => void
  relay: (change: Partial<RelayView>) => void
}

export class Tabs {
  private readonly channel = new BroadcastChannel('relay')

  follow(follower: Follower): void {
    this.channel.onmessage = ({ data }: MessageEvent<Message>) => {
      if (data.what === 'relay') follower.relay(data.change)
      else follower[data.what]()
    }
  }

  say(message: Message): void {
    this.channel.postMessage(message)
  }
}
