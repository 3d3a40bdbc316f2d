import {
  array,
  assert,
  constantFrom,
  integer,
  nat,
  property,
  string,
  tuple,
  uint8Array,
} from 'fast-check'
import { describe, expect, it } from 'vitest'
import { joinChunks, parseAnswerHead } from '../../src/store/answer-head.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')

describe('the head of an answer', () => {
  it('has a status and headers, of which names are in lower case and values joined', () => {
    const text = 'HTTP/1.1 206 Partial Content\r\nETag:  "a" \r\nX-A: 1\r\nx-a:2\r\nEmpty:\r\n\r\n'
    expect(parseAnswerHead(bytes(`${text}body`))).toEqual({
      status: 206,
      headers: { etag: '"a"', 'x-a': '1, 2', empty: '' },
      lengthBytes: text.length,
    })
  })

  it('may have no reason, and no headers', () => {
    const head = { status: 200, headers: {}, lengthBytes: 16 }
    expect(parseAnswerHead(bytes('HTTP/1.1 200\r\n\r\n'))).toEqual(head)
  })

  it('keeps a name that objects have as a property', () => {
    const head = parseAnswerHead(bytes('HTTP/1.1 200 OK\r\n__proto__: a\r\n\r\n'))
    expect(Object.keys(head!.headers)).toEqual(['__proto__'])
  })

  it.each([
    'HTTP/2 200 OK\r\n\r\n',
    'HTTP/1.1 20 OK\r\n\r\n',
    '\r\n\r\n',
    'HTTP/1.1 200 OK\r\nno colon\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA : space\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: 1\r\n folded\r\n\r\n',
  ])('is not %j', (text) => {
    expect(() => parseAnswerHead(bytes(text))).toThrow('HTTP')
  })

  it('is not there before its end is', () => {
    const name = string({ unit: constantFrom(...'abcXYZ-09'.split('')), minLength: 1 })
    const value = string({ unit: constantFrom(...'aZ09",;=/ '.split('')) })
    assert(
      property(
        integer({ min: 100, max: 999 }),
        array(tuple(name, value)),
        nat(),
        (status, lines, cut) => {
          const text = `HTTP/1.1 ${status} A\r\n${lines.map((line) => `${line.join(': ')}\r\n`).join('')}\r\n`
          expect(parseAnswerHead(bytes(text))).toMatchObject({ status, lengthBytes: text.length })
          expect(parseAnswerHead(bytes(text.slice(0, cut % text.length)))).toBeUndefined()
        },
      ),
    )
  })
})

describe('what is sent in chunks', () => {
  it('may say more of each chunk than its size', () => {
    expect(joinChunks(bytes('3;a=b\r\nabc\r\n0\r\n\r\n'))?.content.toString()).toBe('abc')
  })

  it('begins with a size', () => {
    expect(() => joinChunks(bytes('x\r\n'))).toThrow('no HTTP chunk begins with "x"')
  })

  it('is joined, and is not there before its end is', () => {
    assert(
      property(array(uint8Array({ minLength: 1 })), nat(), (chunks, cut) => {
        const parts = chunks.flatMap((chunk) => [
          bytes(`${chunk.length.toString(16)}\r\n`),
          chunk,
          bytes('\r\n'),
        ])
        const text = Buffer.concat([...parts, bytes('0\r\n')])
        expect(joinChunks(text)?.content.equals(Buffer.concat(chunks))).toBe(true)
        expect(joinChunks(text.subarray(0, cut % text.length))).toBeUndefined()
      }),
    )
  })
})
