/** Something that the configuration names, and whether it can be used. */
export interface Connection {
  part: 'data' | 'store' | 'users' | 'audit' | 'upstream'
  /** The folder, the bucket, the file, or the upstream's name. */
  name: string
  /** Which of the upstream's endpoints. */
  url?: string
  /** Of the data folder. */
  freeBytes?: number
  /** What is wrong with it; `null` where nothing is. */
  fault: string | null
  /** What to do about the fault. */
  fix: string | null
}

export const WELL = { fault: null, fix: null }
