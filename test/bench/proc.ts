import { readFileSync, writeFileSync } from 'node:fs'

const TICKS_PER_SECOND = 100

/** User and system time of a process and of its children, living and reaped. Resolution 10 ms. */
export function cpuSecondsOf(pid: number): number {
  let ticks = 0
  for (const each of familyOf(pid)) {
    const stat = readFileSync(`/proc/${each}/stat`, 'latin1')
    // The name, which may hold spaces, is in parentheses; utime is the 12th field after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    for (const field of fields.slice(11, 15)) ticks += Number(field)
  }
  return ticks / TICKS_PER_SECOND
}

/** Resident memory of a process and its living children. */
export function rssBytesOf(pid: number): number {
  return sumOfStatus(pid, 'VmRSS')
}

/** The most it has been since the last `resetPeakRss`. */
export function peakRssBytesOf(pid: number): number {
  return sumOfStatus(pid, 'VmHWM')
}

export function resetPeakRss(pid: number): void {
  for (const each of familyOf(pid)) writeFileSync(`/proc/${each}/clear_refs`, '5')
}

function sumOfStatus(pid: number, field: string): number {
  let sum = 0
  for (const each of familyOf(pid)) {
    const status = readFileSync(`/proc/${each}/status`, 'latin1')
    sum += Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024
  }
  return sum
}

function familyOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
  return [pid, ...children.split(' ').filter(Boolean).map(Number).flatMap(familyOf)]
}
