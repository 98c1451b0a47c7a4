import { Anchor, UnstyledButton } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { Dialog } from '../shell/Parts';
import { useWords } from '../words';

/** What is told of a picture that is attached to a record. */
interface Pictured { name: string; contentType: string; size: number; url: string }

/** What a node makes small. */
const made = new Set(['image/jpeg', 'image/png', 'image/webp', 'image/gif']);
/** What a browser shows as it is, without running anything. */
const shown = new Set([...made, 'image/avif']);
/** Larger originals cost more to fetch than a small picture tells. */
const largestOriginal = 5 * 1024 * 1024;

// As console.css has them.
const thumbSizes = '(max-width: 48em) 44px, 120px';
const wholeSizes = 'min(90vw, 1280px)';

const isOriginalShown = (file: Pictured): boolean => shown.has(file.contentType) && file.size <= largestOriginal;

/** Whether a file is shown and not named alone. */
export const isPicture = (file: Pictured, widths: number[]): boolean => (widths.length > 0 && made.has(file.contentType)) || isOriginalShown(file);

/** A picture in the width that its place and the screen need; the original where the node makes none, or could not make this one. */
function Picture({ file, widths, sizes, alt, instead, ...size }: { file: Pictured; widths: number[]; sizes: string; alt: string; instead: ReactNode; width?: number; height?: number; className?: string }): ReactNode {
  const [isMade, setIsMade] = useState(widths.length > 0 && made.has(file.contentType));
  const [isThere, setIsThere] = useState(true);
  if (!isThere || (!isMade && !isOriginalShown(file))) return instead;
  return (
    <picture key={String(isMade)}>
      {isMade && <source type="image/webp" srcSet={widths.map((width) => `${file.url}?width=${width} ${width}w`).join(', ')} sizes={sizes} />}
      <img src={file.url} alt={alt} loading="lazy" decoding="async" {...size} onError={() => (isMade ? setIsMade(false) : setIsThere(false))} />
    </picture>
  );
}

/** A small picture; larger on a click. */
export function PictureThumb({ file, widths, instead }: { file: Pictured; widths: number[]; instead: ReactNode }): ReactNode {
  const words = useWords();
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <UnstyledButton className="thumb" aria-label={words.showPicture(file.name)} onClick={() => setIsOpen(true)}>
        <Picture file={file} widths={widths} sizes={thumbSizes} alt={file.name} width={120} height={90} instead={instead} />
      </UnstyledButton>
      <Dialog title={file.name} isOpen={isOpen} onClose={() => setIsOpen(false)} isWide>
        <Picture file={file} widths={widths} sizes={wholeSizes} alt={file.name} className="whole-picture" instead={words.pictureNotShown} />
        <Anchor href={file.url} download={file.name} size="sm" display="block" mt="sm">{words.downloadFile(file.name)}</Anchor>
      </Dialog>
    </>
  );
}
