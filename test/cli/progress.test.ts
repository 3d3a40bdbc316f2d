import { describe, expect, test } from 'vitest'
import { progressView, type ProgressStream } from '../../src/cli/progress.ts'

const MIB = 1024 ** 2

function streamOf(isTTY: boolean, columns = 80): ProgressStream & { text: string } {
  return {
    isTTY,
    columns,
    text: '',
    write(text) {
      this.text += text
    },
  }
}

describe('on a terminal', () => {
  test('a bar is drawn over itself, and wiped at the end', () => {
    const stream = streamOf(true)
    const view = progressView('scrub', stream)
    view.show({ done: 0, total: 10 * MIB, unit: 'bytes' })
    view.show({ done: 5 * MIB, total: 10 * MIB, unit: 'bytes' })
    view.end()
    expect(stream.text.split('\r\u001B[K')).toEqual([
      '',
      `scrub  [${'-'.repeat(30)}]  0 %  0 B of 10.0 MiB`,
      `scrub  [${'#'.repeat(15)}${'-'.repeat(15)}]  50 %  5.00 MiB of 10.0 MiB`,
      '',
    ])
  })

  test('what is under way at once has bars of its own, which are wiped with the first', () => {
    const stream = streamOf(true)
    const view = progressView('warm', stream)
    const part = (digit: string, done: number) => ({
      digest: `sha256:${digit.repeat(64)}`,
      done,
      total: MIB,
    })
    const whole = { done: MIB, total: null, unit: 'bytes' } as const
    view.show({ ...whole, parts: [part('a', 0), part('b', MIB / 2)] })
    expect(stream.text).toBe(
      [
        '\r\u001B[Kwarm  1.00 MiB',
        `aaaaaaaaaaaa  [${'-'.repeat(30)}]  0 %  0 B of 1.00 MiB`,
        `bbbbbbbbbbbb  [${'#'.repeat(15)}${'-'.repeat(15)}]  50 %  512 KiB of 1.00 MiB`,
      ].join('\n'),
    )
    stream.text = ''
    view.show({ ...whole, parts: [] })
    expect(stream.text).toBe('\r\u001B[2A\u001B[Jwarm  1.00 MiB')
    view.end()
    expect(stream.text.endsWith('\r\u001B[K')).toBe(true)
  })

  test('work without a known end has a count alone', () => {
    const stream = streamOf(true)
    progressView('sweep', stream).show({ done: 1234, total: null, unit: 'contents' })
    expect(stream.text).toBe('\r\u001B[Ksweep  1,234 contents')
  })

  test('a narrow one never wraps', () => {
    const stream = streamOf(true, 20)
    progressView('scrub', stream).show({ done: 1, total: 3, unit: 'images' })
    expect(stream.text).toHaveLength('\r\u001B[K'.length + 19)
  })
})

describe('elsewhere', () => {
  test('there is a line for each tenth', () => {
    const stream = streamOf(false)
    const view = progressView('evict', stream)
    for (let done = 0; done <= 100; done++) view.show({ done, total: 100, unit: 'images' })
    view.end()
    const lines = stream.text.trimEnd().split('\n')
    expect(lines).toHaveLength(11)
    expect(lines[1]).toBe('evict: 10 %  10 images of 100 images')
    expect(lines.at(-1)).toBe('evict: 100 %  100 images of 100 images')
  })

  test('without a known end, for each power of ten', () => {
    const stream = streamOf(false)
    const view = progressView('sweep', stream)
    for (let done = 0; done < 5000; done++) view.show({ done, total: null, unit: 'contents' })
    expect(stream.text).toBe(
      'sweep: 0 contents\nsweep: 9 contents\nsweep: 99 contents\nsweep: 999 contents\n',
    )
  })

  test('nothing to do is done', () => {
    const stream = streamOf(false)
    progressView('evict', stream).show({ done: 0, total: 0, unit: 'bytes' })
    expect(stream.text).toBe('evict: 100 %  0 B of 0 B\n')
  })
})
