// What is being filled in: figures kept at every key press, photographs as they came.
import type { DraftRecord, Page } from '../../holder/database'
import { Problem, problemOf } from '../../holder/problem'
import { sha256, toHex } from '../../protocol/bytes'
import { blankFigures, catalogue } from '../../protocol/forms'
import { DOCUMENT_BYTES_MAX } from '../../protocol/statements'
import { latest } from './items'
import type { Outbox } from './outbox'
import { look } from './photographs'
import type { Draft } from './types'

export class Drafts {
  constructor(private readonly outbox: Outbox) {}

  /** The draft of a form, made if there is none: blank, or with what was signed last, even if that was refused. */
  async open(tps: string, form: number): Promise<DraftRecord> {
    const found = this.outbox.find(tps, form)
    if (found) return found
    const items = this.outbox.items.value
    const figures = latest(items, { tps, form, kind: 'tally' })?.figures ?? blank(form)
    const listing = latest(items, { tps, form, kind: 'documents' })?.pages ?? []
    const pages = listing.map(({ sentBytes: _, ...page }) => page)
    const made = { tps, form, figures: [...figures], kept: [], pages, changedAt: now() }
    await this.outbox.keepDraft(made)
    return made
  }

  /** Keeps the figures, and the rules that are broken on purpose. */
  save({ tps, form, figures, kept }: Draft): Promise<void> {
    return this.change(tps, form, (draft) => ({ ...draft, figures: [...figures], kept: [...kept] }))
  }

  async discard(tps: string, form: number): Promise<void> {
    const draft = this.outbox.find(tps, form)
    if (!draft) return
    await this.outbox.dropDraft(tps, form)
    await this.outbox.dropUnlisted(documentsOf(draft))
  }

  /**
   * Keeps a photograph as page `number`, in place of the one there was; the file is not altered.
   *
   * Throws `Problem` with document-too-large, photograph-damaged (it cannot be read) or storage-full.
   */
  async addPage(tps: string, form: number, number: number, file: File): Promise<Page> {
    await this.open(tps, form)
    const bytes = await read(file)
    const blob = new Blob([bytes], { type: file.type })
    const document = toHex(await sha256(bytes))
    const warnings = await look(blob)
    const before = this.outbox.find(tps, form)?.pages ?? []
    if (before.some((page) => page.document === document && page.number !== number)) {
      warnings.push('same-as-another-page')
    }
    const page: Page = { number, document, fileName: file.name, type: file.type, sizeBytes: file.size, warnings }
    await this.keepPage(tps, form, page, blob)
    await this.outbox.dropUnlisted(before.filter((old) => old.number === number).map((old) => old.document))
    return page
  }

  async removePage(tps: string, form: number, number: number): Promise<void> {
    const gone = this.outbox.find(tps, form)?.pages.find((page) => page.number === number)
    if (!gone) return
    await this.changePages(tps, form, (pages) => pages.filter((page) => page.number !== number))
    await this.outbox.dropUnlisted([gone.document])
  }

  /** Each becomes the other's page; if one of them is not there, the other moves. */
  swapPages(tps: string, form: number, one: number, other: number): Promise<void> {
    const swapped = (number: number) => (number === one ? other : number === other ? one : number)
    return this.changePages(tps, form, (pages) => pages.map((page) => ({ ...page, number: swapped(page.number) })))
  }

  /** A photograph that does not fit is tried again after photographs that the centre has were dropped. */
  private async keepPage(tps: string, form: number, page: Page, blob: Blob): Promise<void> {
    const keep = () =>
      this.changePages(tps, form, (pages) => [...pages.filter(({ number }) => number !== page.number), page], {
        page,
        blob
      })
    const before = this.outbox.find(tps, form)
    try {
      await keep()
    } catch {
      await this.outbox.makeRoom()
      try {
        await keep()
      } catch (error) {
        if (before) await this.outbox.keepDraft(before)
        throw problemOf(error)
      }
    }
  }

  private changePages(
    tps: string,
    form: number,
    how: (pages: Page[]) => Page[],
    photograph?: { page: Page; blob: Blob }
  ): Promise<void> {
    const sorted = (pages: Page[]) => how(pages).toSorted((one, other) => one.number - other.number)
    return this.change(tps, form, (draft) => ({ ...draft, pages: sorted(draft.pages) }), photograph)
  }

  private async change(
    tps: string,
    form: number,
    how: (draft: DraftRecord) => DraftRecord,
    photograph?: { page: Page; blob: Blob }
  ): Promise<void> {
    const draft = this.outbox.find(tps, form)
    if (!draft) throw new Problem('not-found', 'There is no draft of this form; open it first.')
    await this.outbox.keepDraft({ ...how(draft), changedAt: now() }, photograph)
  }
}

export const documentsOf = (one: { pages: Page[] }): string[] => one.pages.map((page) => page.document)

function blank(form: number): (number | null)[] {
  const known = catalogue.get(form)
  if (!known) throw new Problem('form-unknown', `There is no form ${form} in this version.`)
  return [...blankFigures(known)]
}

async function read(file: File): Promise<Uint8Array<ArrayBuffer>> {
  if (file.size > DOCUMENT_BYTES_MAX) {
    throw new Problem('document-too-large', `The file has ${file.size} bytes; at most ${DOCUMENT_BYTES_MAX} are taken.`)
  }
  if (file.size === 0) throw new Problem('photograph-damaged', 'The file is empty.')
  try {
    return new Uint8Array(await file.arrayBuffer())
  } catch (error) {
    throw problemOf(error)
  }
}

const now = () => Math.floor(Date.now() / 1000)
