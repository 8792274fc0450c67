// Why a job isn't in Slurm, in words for people.

export const NOT_KNOWN = 'Not known yet whether Slurm took it';
export const STILL_UNPACKED =
  'The project is perhaps still being unpacked, here or on another login node. Without an end, that begins anew after 15 minutes, or after an hour where this login node still unpacks a large one';
export const FILES_GONE =
  'The server no longer has the files of this job (the data directory, staging), so it could not be sent: submit it again';
export const AGAIN = 'That may pass: it is tried again by itself, for a day';
export const GIVEN_UP = 'It was tried again for a day. See why on the login node, then submit it again';
export const CANCELLED_ON_THE_WAY = 'Cancelled before Slurm had it';
