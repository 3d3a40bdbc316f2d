import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

/** What each request needs: Service Authorization Reference, Actions for Amazon S3. */
const ACTIONS: Readonly<Record<string, string[]>> = {
  AbortMultipartUpload: ['s3:AbortMultipartUpload'],
  CompleteMultipartUpload: ['s3:PutObject'],
  CopyObject: ['s3:GetObject', 's3:PutObject'],
  CreateMultipartUpload: ['s3:PutObject'],
  DeleteObjects: ['s3:DeleteObject'],
  DeleteObject: ['s3:DeleteObject'],
  GetObject: ['s3:GetObject'],
  HeadObject: ['s3:GetObject'],
  ListMultipartUploads: ['s3:ListBucketMultipartUploads'],
  ListObjectsV2: ['s3:ListBucket'],
  ListParts: ['s3:ListMultipartUploadParts'],
  PutObject: ['s3:PutObject'],
  UploadPart: ['s3:PutObject'],
}

test('the policy in docs/operations.md allows what we ask of S3, and nothing else', () => {
  const needed = new Set([...requestsOfStore()].flatMap((request) => ACTIONS[request] ?? [request]))
  expect([...allowedActions()].sort()).toEqual([...needed].sort())
})

function requestsOfStore(): Set<string> {
  const folder = new URL('../src/store/', import.meta.url)
  const files = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), 'utf8'))
  const names = files.flatMap((text) => [...text.matchAll(/\bnew (\w+)Command\(/g)])
  const pages = files.flatMap((text) => [...text.matchAll(/\bpaginate(\w+)\(/g)])
  return new Set([...names, ...pages].map(([, name = '']) => name))
}

function allowedActions(): Set<string> {
  const page = readFileSync(new URL('../docs/operations.md', import.meta.url), 'utf8')
  const [, policy = ''] = /```json\n(\{\n {2}"Version": "2012-10-17"[^`]*)```/.exec(page) ?? []
  const { Statement } = JSON.parse(policy) as { Statement: { Action: string[] }[] }
  return new Set(Statement.flatMap(({ Action }) => Action))
}
